"""Fixtures for what runs CUDA kernels on the CPU."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from cuda_ops.cxx import compiler
from cuda_ops.emulator import driver
from cuda_ops.emulator.compile import compile_kernels, runtime_library

KERNELS = Path(__file__).parent / "kernels"


@pytest.fixture(scope="session")
def gxx() -> None:
    if not shutil.which(compiler()[0]):
        pytest.skip(f"the emulator needs a C++ compiler; there is no {compiler()[0]}")
    runtime_library()


@pytest.fixture
def drv(gxx):
    """The emulator's driver with a current context."""
    driver.init()
    context = driver.Device(0).retain_primary_context()
    context.push()
    yield driver
    driver.Context.pop()


@pytest.fixture
def to_device(drv):
    """Copies an array to the device."""

    def copy(array: np.ndarray):
        memory = drv.mem_alloc(array.nbytes)
        drv.memcpy_htod(memory, array)
        return memory

    return copy


@pytest.fixture
def from_device(drv):
    """Copies device memory into a new array."""

    def copy(memory, shape, dtype=np.float32) -> np.ndarray:
        array = np.empty(shape, dtype)
        drv.memcpy_dtoh(array, memory)
        return array

    return copy


@pytest.fixture
def kernel(drv):
    """A kernel of tests/cuda_ops/kernels/<file>."""

    def find(file: str, name: str, mode: str = "run"):
        return drv.module_from_file(compile_kernels(KERNELS / file, mode)).get_function(name)

    return find
