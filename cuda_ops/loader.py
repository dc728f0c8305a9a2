"""From a .cu file to the image that `module_from_buffer` takes, on a GPU or in the emulator."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from .emulator.compile import compile_kernels
from .emulator.options import options
from .errors import KernelError
from .nvcc import compile_fatbin, find_nvcc
from .nvrtc import compile_for, load_nvrtc
from .sources import KERNEL_DIR

Target = Literal["emulator"] | tuple[int, int]
STORAGE = {"f32": "0", "f16": "1", "bf16": "2", "i32": "3", "u8": "4"}  # STORAGE_TYPE in common.cuh


def kernel_file(name: str) -> Path:
    """The .cu file of a layer family of this package; unknown ones are told with what there is."""
    path = KERNEL_DIR / f"{name}.cu"
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in KERNEL_DIR.glob("*.cu")))
        raise KernelError(f"there is no kernel file '{name}.cu'", note=f"known: {known}")
    return path


def kernel_image(
    source: str | Path, target: Target, storage: str = "f32", defines: Mapping[str, str] | None = None
) -> bytes:
    """The compiled module of `source`, a family of this package or any .cu file; from the cache where it is there.

    target: "emulator" (in the mode that its options name), or the GPU's compute capability, such as (9, 0).
    storage: f32, f16 or bf16, the type of tensors in memory; i32 or u8 where whole numbers are moved. Raises
    CompileError with the real file and line.
    """
    path = source if isinstance(source, Path) else kernel_file(source)
    if storage not in STORAGE:
        raise KernelError(f"unknown storage type '{storage}'", str(path), f"one of {', '.join(STORAGE)}")
    wanted = {"STORAGE_TYPE": STORAGE[storage], **(defines or {})}
    if target == "emulator":
        return compile_kernels(path, options().mode, wanted).read_bytes()
    if nvcc := find_nvcc():
        return compile_fatbin(path, nvcc, wanted, target).read_bytes()
    if load_nvrtc():
        return compile_for(path, target, wanted).read_bytes()
    raise KernelError("no CUDA compiler: neither nvcc nor NVRTC is there", str(path),
                      "pip install nvidia-cuda-nvrtc nvidia-cuda-runtime, or install the CUDA toolkit")  # fmt: skip
