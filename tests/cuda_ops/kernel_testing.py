"""Running launches in the emulator, and how far a float32 kernel may be from a float64 reference."""

import math
from collections.abc import Sequence
from copy import copy

import numpy as np

from cuda_ops.emulator import configure
from cuda_ops.emulator import driver as drv
from cuda_ops.launch import Launch
from cuda_ops.loader import kernel_image

EPS = 2.0**-24  # unit roundoff of float32
ROUNDOFF = {"f32": 0.0, "f16": 2.0**-11, "bf16": 2.0**-8}  # of the storage


def store(array: np.ndarray, storage: str) -> np.ndarray:
    """float32 values as they lie in memory (bf16 as its 16 bits, rounded to nearest even)."""
    if storage == "bf16":
        bits = np.ascontiguousarray(array, np.float32).view(np.uint32)
        return ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype(np.uint16)
    return array.astype(np.float16 if storage == "f16" else np.float32)


def load(array: np.ndarray, storage: str) -> np.ndarray:
    """The float32 values of what `store` made."""
    return (array.astype(np.uint32) << 16).view(np.float32) if storage == "bf16" else array.astype(np.float32)


def rounded(array: np.ndarray, storage: str) -> np.ndarray:
    """The values that are left after storing; a reference starts from them, so that only the kernel's error counts."""
    return load(store(array, storage), storage)


class Tensor:
    """A float32 array's copy on the device in some storage; what a Launch's args hold."""

    def __init__(self, value: np.ndarray | Sequence[int], storage: str = "f32"):
        self.storage = storage
        empty = not isinstance(value, np.ndarray)
        self._host = np.empty(value, store(np.zeros(1), storage).dtype) if empty else store(value, storage)
        self.memory = drv.mem_alloc(max(self._host.nbytes, 1))
        if not empty:
            drv.memcpy_htod(self.memory, self._host)

    def read(self) -> np.ndarray:
        host = np.empty_like(self._host)
        drv.memcpy_dtoh(host, self.memory)
        return load(host, self.storage)

    offset = 0

    def after(self, elements: int) -> "Tensor":
        """The same memory, seen from an element on."""
        view = copy(self)
        view.offset = self.offset + elements * self._host.itemsize
        return view


class Raw(Tensor):
    """An array as it is (bytes, integers)."""

    def __init__(self, value: np.ndarray):
        self.memory, self._host = drv.mem_alloc(max(value.nbytes, 1)), value
        drv.memcpy_htod(self.memory, np.ascontiguousarray(value))

    def read(self) -> np.ndarray:
        host = np.empty_like(self._host)
        drv.memcpy_dtoh(host, self.memory)
        return host


def run(*launches: Launch, storage: str = "f32") -> None:
    """Runs launches as an engine does, in the emulator's mode."""
    for launch in launches:
        image = kernel_image(launch.source, "emulator", storage, dict(launch.defines))
        function = drv.module_from_buffer(image).get_function(launch.function).prepare(launch.codes)
        kept = [Raw(a) if isinstance(a, np.ndarray) else a for a in launch.args]
        values = [int(a.memory) + a.offset if isinstance(a, Tensor) else 0 if a is None else a for a in kept]
        function.prepared_async_call(launch.grid, launch.block, None, *values, shared_size=launch.shared)


def checked():
    """Check mode, for one small case."""
    return configure(mode="check")


def sum_bound(terms: int, magnitude: np.ndarray | float) -> np.ndarray:
    """How far a float32 sum of `terms` products may be from the exact one, in any order (Higham 2002, eq. 3.5):
    gamma_n = n u / (1 - n u) times the sum of the products' absolute values."""
    n = terms + 1  # each product is rounded too
    return n * EPS / (1 - n * EPS) * np.asarray(magnitude, np.float64)


def factor_bound(launch: Launch, storage: str, products: np.ndarray) -> np.ndarray | float:
    """What TF32 adds to a bound: both factors are rounded to 11 bits; `products`: sums of their absolute products."""
    u = 2.0**-11 if launch.tensor_cores and storage == "f32" else 0.0
    return (2 * u + u * u) * products


def assert_close(got: np.ndarray, want: np.ndarray, bound: np.ndarray | float, storage: str = "f32") -> None:
    """|got - want| <= bound + the rounding of the result; NaN nowhere, and where `want` is infinite, equality."""
    assert got.shape == want.shape
    assert not np.isnan(got).any(), f"{np.isnan(got).sum()} of {got.size} values are NaN (not written?)"
    limit = np.asarray(bound) + (EPS + ROUNDOFF[storage]) * (np.abs(want) + bound) + 2.0**-24 * (storage == "f16")
    excess = np.abs(got.astype(np.float64) - want) / np.maximum(limit, math.ulp(0.0))
    worst = np.unravel_index(np.argmax(excess), excess.shape)
    assert excess[worst] <= 1, f"at {worst}: {got[worst]} for {want[worst]}, {excess[worst]:.2f} times the bound"
