"""NVIDIA's compiler takes every kernel, in every storage; the emulator takes what it takes and more."""

import pytest

from cuda_ops.cast import TYPES
from cuda_ops.loader import STORAGE
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
