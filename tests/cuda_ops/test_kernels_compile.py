"""NVIDIA's compiler takes every kernel, in every storage; the emulator takes what it takes and more."""

import pytest

from cuda_ops.cast import TYPES
from cuda_ops.conv2d import TENSOR_TILES, tile_defines
from cuda_ops.launch import TENSOR, TENSOR_CORES
from cuda_ops.loader import STORAGE
from cuda_ops.nvcc import compile_fatbin, find_nvcc
from cuda_ops.nvrtc import compile_for, load_nvrtc
from cuda_ops.sources import KERNEL_DIR

pytestmark = [
    pytest.mark.emulator,
    pytest.mark.skipif(load_nvrtc() is None, reason="no NVRTC library here"),
]
SOURCES = sorted(file.stem for file in KERNEL_DIR.glob("*.cu"))


@pytest.mark.parametrize("storage", STORAGE)
@pytest.mark.parametrize("name", SOURCES)
def test_compiles_for_a_hopper(name, storage):
    image = compile_for(KERNEL_DIR / f"{name}.cu", (9, 0), {"STORAGE_TYPE": STORAGE[storage]}).read_bytes()
    assert image[:4] == b"\x7fELF" and name.split("_")[0].encode() in image


@pytest.mark.parametrize("other", TYPES)
def test_casts_compile_for_a_hopper(other):
    defines = {"STORAGE_TYPE": STORAGE["f16"], "OTHER": TYPES[other]}
    assert compile_for(KERNEL_DIR / "cast.cu", (9, 0), defines).read_bytes()[:4] == b"\x7fELF"


def tensor_defines(storage):
    return {"STORAGE_TYPE": STORAGE[storage], **dict(tile_defines(TENSOR_TILES[0])), **dict(TENSOR)}


@pytest.mark.parametrize("storage", TENSOR_CORES)
@pytest.mark.parametrize("name", ["conv2d", "matmul"])
def test_tensor_cores_of_the_oldest_gpu_that_has_them(name, storage):
    """Machine code that multiplies on tensor cores, not the trap that stands where there are none."""
    image = compile_for(KERNEL_DIR / f"{name}.cu", TENSOR_CORES[storage], tensor_defines(storage))
    assert image.read_bytes()[:4] == b"\x7fELF" and image.stat().st_size > 20_000


@pytest.mark.skipif(find_nvcc() is None, reason="no nvcc here")
@pytest.mark.parametrize("storage", TENSOR_CORES)
def test_nvcc_makes_one_file_for_gpus_with_and_without_them(storage):
    assert compile_fatbin(KERNEL_DIR / "conv2d.cu", find_nvcc(), tensor_defines(storage)).exists()
