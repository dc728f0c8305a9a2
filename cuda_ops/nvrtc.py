"""NVRTC: a .cu file to machine code for one GPU, from a library that pip installs, without nvcc or a host compiler."""

import ctypes
import ctypes.util
import functools
from collections.abc import Mapping
from pathlib import Path

from .cache import cached, content_key
from .errors import KernelError
from .sources import KERNEL_DIR, compile_error, read_source, source_content
from .wheels import nvidia_folders


@functools.cache
def load_nvrtc() -> ctypes.CDLL | None:
    """The NVRTC library of a wheel, a toolkit or the system; None where there is none."""
    places = [folder.parent / lib for folder in nvidia_folders("include") for lib in ("lib", "lib64")]
    files = [str(file) for place in places for file in sorted(place.glob("libnvrtc.so*"))]
    if name := ctypes.util.find_library("nvrtc"):
        files.append(name)
    for file in files:
        try:
            for part in Path(file).parent.glob("libnvrtc-builtins.so*"):  # it asks for this by name, in no folder
                ctypes.CDLL(str(part), mode=ctypes.RTLD_GLOBAL)
            library = ctypes.CDLL(file)
        except OSError:  # a wheel of another platform or a broken install: the next may do
            continue
        library.nvrtcGetErrorString.restype = ctypes.c_char_p
        return library
    return None


def _check(library: ctypes.CDLL, code: int, what: str) -> None:
    if code:
        raise KernelError(f"{what} failed: {library.nvrtcGetErrorString(code).decode()}", "NVRTC")


def nvrtc_version(library: ctypes.CDLL) -> tuple[int, int]:
    """Major and minor version of CUDA."""
    major, minor = ctypes.c_int(), ctypes.c_int()
    _check(library, library.nvrtcVersion(ctypes.byref(major), ctypes.byref(minor)), "nvrtcVersion")
    return major.value, minor.value


def _offered(library: ctypes.CDLL) -> list[int]:
    count = ctypes.c_int()
    _check(library, library.nvrtcGetNumSupportedArchs(ctypes.byref(count)), "nvrtcGetNumSupportedArchs")
    archs = (ctypes.c_int * count.value)()
    _check(library, library.nvrtcGetSupportedArchs(archs), "nvrtcGetSupportedArchs")
    return sorted(archs)


def _fetch(library: ctypes.CDLL, program: ctypes.c_void_p, what: str) -> bytes:
    """What NVRTC keeps of a program: its Log, CUBIN or PTX."""
    size = ctypes.c_size_t()
    _check(library, getattr(library, f"nvrtcGet{what}Size")(program, ctypes.byref(size)), f"nvrtcGet{what}Size")
    data = ctypes.create_string_buffer(size.value)
    _check(library, getattr(library, f"nvrtcGet{what}")(program, data), f"nvrtcGet{what}")
    return data.raw


def _compile(library: ctypes.CDLL, path: Path, options: list[str], what: str) -> bytes:
    program = ctypes.c_void_p()
    source = read_source(path).encode()
    code = library.nvrtcCreateProgram(ctypes.byref(program), source, str(path).encode(), 0, None, None)
    _check(library, code, "nvrtcCreateProgram")
    try:
        arguments = (ctypes.c_char_p * len(options))(*(option.encode() for option in options))
        if library.nvrtcCompileProgram(program, len(options), arguments):
            raise compile_error(path, _fetch(library, program, "ProgramLog").rstrip(b"\0").decode(), "NVRTC")
        return _fetch(library, program, what)
    finally:
        library.nvrtcDestroyProgram(ctypes.byref(program))


def compile_for(path: Path, capability: tuple[int, int], defines: Mapping[str, str] | None = None) -> Path:
    """Path of the machine code (PTX, where the GPU is newer than this NVRTC) of a .cu file for one GPU.

    capability: the device's, (9, 0). Raises CompileError with the real file and line.
    """
    library = load_nvrtc()
    if library is None:
        raise KernelError("there is no NVRTC library", note="pip install nvidia-cuda-nvrtc nvidia-cuda-runtime")
    path, asked = Path(path).resolve(), capability[0] * 10 + capability[1]
    usable = [n for n in _offered(library) if n <= asked]
    if not usable:
        raise KernelError(f"NVRTC {nvrtc_version(library)} has no code for compute capability {capability}",
                          note="an older CUDA release supports this GPU")  # fmt: skip
    arch, what = ("sm", "CUBIN") if usable[-1] == asked else ("compute", "PTX")
    include = [path.parent, KERNEL_DIR, *nvidia_folders("include")]
    options = [f"--gpu-architecture={arch}_{usable[-1]}", "--std=c++17", "-lineinfo"]
    options += [f"-I{folder}" for folder in include]
    options += [f"-D{key}={value}" for key, value in sorted((defines or {}).items())]
    name = f"{path.stem}-{content_key(nvrtc_version(library), options, str(path), source_content(path))}.{what.lower()}"

    def build(folder: Path) -> None:
        (folder / name).write_bytes(_compile(library, path, options, what))

    return cached(name, build)
