"""A libcuda.so.1 in which every function of cuda.h is there and says that it is not supported."""

import re
from collections.abc import Iterable
from pathlib import Path

from ..cxx import compiler, run_compiler
from ..errors import KernelError
from ..wheels import nvidia_folders

# Left out of NVIDIA's wheels, though PyCUDA includes it; CUDA 13's declarations.
PROFILER_HEADER = """#pragma once
#include <cuda.h>
#ifdef __cplusplus
extern "C" {
#endif
typedef enum CUoutput_mode_enum { CU_OUT_KEY_VALUE_PAIR = 0, CU_OUT_CSV = 1 } CUoutput_mode;
CUresult CUDAAPI cuProfilerInitialize(const char *configFile, const char *outputFile, CUoutput_mode outputMode);
CUresult CUDAAPI cuProfilerStart(void);
CUresult CUDAAPI cuProfilerStop(void);
#ifdef __cplusplus
}
#endif
"""
_PROFILER = {"cuProfilerInitialize", "cuProfilerStart", "cuProfilerStop"}
_SOURCE = """// Made by cuda_ops/stand_in/stubs.py from cuda.h: {count} functions that only say no.
#include <cstdio>
#include <cstdlib>
static int refuse(const char *name) {{
    if (getenv("STAND_IN_TRACE")) fprintf(stderr, "stand-in libcuda: %s is not there\\n", name);
    return 801; // CUDA_ERROR_NOT_SUPPORTED
}}
#define WEAK __attribute__((weak, visibility("default"))) // driver/ defines some of them for real
extern "C" {{
{stubs}
}}
"""


def cuda_headers() -> Path | None:
    """The include folder of a toolkit or of NVIDIA's wheels; None where there is no cuda.h."""
    return next((folder for folder in nvidia_folders("include") if (folder / "cuda.h").is_file()), None)


def driver_functions(include: Path) -> set[str]:
    """Names of the driver's functions as libraries export them (cuMemAlloc_v2): cuda.h after preprocessing."""
    done = run_compiler([*compiler(), "-E", "-P", "-x", "c++", "-I", include, include / "cuda.h"])
    names = set(re.findall(r"\bCUresult\s+(cu[A-Z]\w*)\s*\(", done.stdout))
    if done.returncode or not names:
        raise KernelError("cuda.h declares no driver function", str(include / "cuda.h"), done.stderr.strip()[-500:])
    return names | _PROFILER


def stub_source(names: Iterable[str]) -> str:
    """C++ that defines these functions; STAND_IN_TRACE=1 in the environment tells which are called."""
    stubs = [f'WEAK int {name}() {{ return refuse("{name}"); }}' for name in names]
    return _SOURCE.format(count=len(stubs), stubs="\n".join(sorted(stubs)))


def build_stub(include: Path, folder: Path) -> Path:
    """folder/libcuda.so to link against; where it runs, the driver's own libcuda.so.1 takes its place."""
    (folder / "stubs.cpp").write_text(stub_source(driver_functions(include)), encoding="utf-8")
    library = folder / "libcuda.so"
    flags = ["-shared", "-fPIC", "-Wl,-soname,libcuda.so.1"]
    done = run_compiler([*compiler(), *flags, folder / "stubs.cpp", "-o", library])
    if done.returncode:
        raise KernelError("the stub libcuda does not compile", str(folder / "stubs.cpp"), done.stderr.strip()[-2000:])
    return library
