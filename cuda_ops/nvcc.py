"""nvcc: a .cu file to a fatbin, machine code for several GPUs in one file."""

import functools
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from .cache import cached, content_key
from .errors import KernelError
from .sources import KERNEL_DIR, compile_error, source_content
from .wheels import nvidia_folders

WANTED = (75, 80, 90)  # Turing, Ampere, Hopper; what is newer compiles the PTX at load time
FLAGS = ["-std=c++17", "-O3", "-lineinfo"]


def find_nvcc() -> str | None:
    """The nvcc to use: NVCC, else PATH, else a toolkit or wheel; None where there is none."""
    chosen = os.environ.get("NVCC") or shutil.which("nvcc")
    if chosen:
        return chosen
    return next((str(folder / "nvcc") for folder in nvidia_folders("bin") if (folder / "nvcc").is_file()), None)


def _run(*command: object) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=600)
    except FileNotFoundError:
        raise KernelError("nvcc is not there", str(command[0]), "correct NVCC, or unset it") from None
    except subprocess.TimeoutExpired:
        raise KernelError("nvcc took more than 600 s", str(command[0])) from None


@functools.cache
def _identity(nvcc: str) -> tuple[str, tuple[int, ...]]:
    """Version text, and the architectures it offers (75 for sm_75)."""
    version = _run(nvcc, "--version").stdout
    offered = tuple(sorted({int(n) for n in re.findall(r"sm_(\d+)\b", _run(nvcc, "--list-gpu-code").stdout)}))
    if not offered:
        raise KernelError("this nvcc offers no GPU architecture", nvcc, "CUDA 11.0 or newer is needed")
    return version, offered


def architectures(nvcc: str, capability: tuple[int, int] | None = None) -> list[int]:
    """The architectures compiled for: those wanted that this toolkit has, else the oldest it has.

    capability: of the one GPU that the code is for, where it is known: the newest of them that it can run.
    """
    offered = _identity(nvcc)[1]
    all_wanted = [n for n in WANTED if n in offered] or [offered[0]]
    usable = [n for n in all_wanted if capability and n <= capability[0] * 10 + capability[1]]
    return usable[-1:] or all_wanted


def compile_fatbin(
    path: Path, nvcc: str, defines: Mapping[str, str] | None = None, capability: tuple[int, int] | None = None
) -> Path:
    """Path of the fatbin for a .cu file: machine code for `architectures`, and PTX of the newest, for GPUs after it.

    Raises CompileError with the real file and line.
    """
    path = Path(path).resolve()
    wanted = architectures(nvcc, capability)
    codes = [f"-gencode=arch=compute_{n},code=sm_{n}" for n in wanted]
    codes.append(f"-gencode=arch=compute_{wanted[-1]},code=compute_{wanted[-1]}")
    flags = [*FLAGS, *codes, *(f"-D{key}={value}" for key, value in sorted((defines or {}).items()))]
    name = f"{path.stem}-{content_key(_identity(nvcc)[0], flags, str(path), source_content(path))}.fatbin"

    def build(folder: Path) -> None:
        result = _run(nvcc, *flags, "-I", path.parent, "-I", KERNEL_DIR, "-fatbin", path, "-o", folder / name)
        if result.returncode:
            raise compile_error(path, result.stderr + result.stdout, "nvcc")

    return cached(name, build)
