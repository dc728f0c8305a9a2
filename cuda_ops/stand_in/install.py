"""The stand-in libcuda.so.1: driver/ on top of the emulator, and stubs for all the rest of cuda.h."""

import ctypes
import os
from pathlib import Path

from ..cache import cached, content_key
from ..cxx import compiler, run_compiler
from ..emulator.compile import COMMON, INCLUDE, runtime_library
from ..errors import KernelError
from ..sources import compile_error
from .nvcc import stand_in_nvcc
from .stubs import cuda_headers, driver_functions, stub_source

DRIVER = Path(__file__).resolve().parent / "driver"
FLAGS = [*COMMON, "-O1", "-Wall", "-shared"]


def stand_in_driver() -> Path:
    """Path of the library, which calls itself libcuda.so.1; compiled on first use (some seconds).

    It holds kernels and memory in the emulator's runtime library, the same that cuda_ops.emulator.driver loads.
    """
    include = cuda_headers()
    if include is None:
        raise KernelError("there is no cuda.h", note="pip install nvidia-cuda-runtime, or set CUDA_HOME to a toolkit")
    runtime, stubs = runtime_library(), stub_source(driver_functions(include))
    sources = sorted(DRIVER.iterdir())
    key = content_key(*(file.read_bytes() for file in sources), stubs, runtime.name, FLAGS, compiler())

    def build(folder: Path) -> None:
        (folder / "stubs.cpp").write_text(stubs, encoding="utf-8")
        code = [*(file for file in sources if file.suffix == ".cpp"), folder / "stubs.cpp"]
        out = folder / f"libcuda-{key}.so.1"
        links = [runtime, "-ldl", "-Wl,-soname,libcuda.so.1"]
        done = run_compiler([*compiler(), *FLAGS, "-I", include, "-I", INCLUDE, *code, *links, "-o", out])
        if done.returncode:
            raise compile_error(DRIVER, done.stderr, compiler()[0])

    return cached(f"libcuda-{key}.so.1", build)


def install() -> None:
    """From now on this process's `import pycuda.driver` runs on the emulator, and nvcc.py compiles for it.

    Call it before anything loads the driver's own libcuda.so.1.
    """
    ctypes.CDLL(str(stand_in_driver()), mode=ctypes.RTLD_GLOBAL)  # later loads of libcuda.so.1 find this one
    os.environ["NVCC"] = str(stand_in_nvcc())
