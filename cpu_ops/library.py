"""The shared library of the operators: compiled for this processor when it is first asked for, and kept."""

from __future__ import annotations

import ctypes
import functools
import importlib.util
import os
from dataclasses import dataclass
from pathlib import Path

from cuda_ops.cache import cached, content_key
from cuda_ops.cxx import compiler, compiler_identity, run_compiler
from cuda_ops.errors import KernelError
from cuda_ops.sources import compile_error

HERE = Path(__file__).resolve().parent
FLAGS = ["-std=c++17", "-O3", "-march=native", "-fno-math-errno", "-shared", "-fPIC", "-fvisibility=hidden"]
SWITCH = "WORKBENCH_CPU_OPS"


@dataclass(frozen=True)
class Library:
    """`path` for OpenVINO to load, its content as a word, and the floats of a vector that kernels are packed for."""

    path: Path
    identity: str
    lanes: int


def library() -> Library:
    """The library; some seconds when it is compiled.

    Raises KernelError where there is no C++ compiler, OpenVINO came without its headers, or WORKBENCH_CPU_OPS=0.
    """
    if os.environ.get(SWITCH) == "0":
        raise KernelError(f"turned off by {SWITCH}=0")
    made = _made(compiler())
    if isinstance(made, KernelError):
        raise made
    return made


@functools.cache
def _made(command: tuple[str, ...]) -> Library | KernelError:
    """The library, or why it cannot be made: what failed would fail again for every network of a check."""
    try:
        path, identity = _compiled(command)
        return Library(path, identity, ctypes.CDLL(str(path)).workbench_winograd_lanes())
    except KernelError as error:
        return error
    except OSError as error:
        return KernelError(f"the compiled library cannot be loaded: {error}")


def _compiled(command: tuple[str, ...]) -> tuple[Path, str]:
    openvino = _openvino()
    shared = [next(iter(sorted((openvino / "libs").glob(f"lib{name}.so*"))), None) for name in ("openvino", "tbb")]
    if not (openvino / "include" / "openvino").is_dir() or None in shared:
        raise KernelError("this OpenVINO came without its C++ headers", str(openvino), "the wheels of PyPI have them")
    source = HERE / "operators.cpp"
    sources = [path.read_bytes() for path in sorted((*HERE.glob("*.cpp"), *HERE.glob("*.hpp")))]
    link = [*map(str, shared), f"-Wl,-rpath,{openvino / 'libs'}"]
    identity = content_key(compiler_identity(command), FLAGS, link, *sources)
    name = f"cpu_ops-{identity}.so"

    def build(folder: Path) -> None:
        include = ["-isystem", openvino / "include"]
        result = run_compiler([*command, *FLAGS, *include, source, "-o", folder / name, *link])
        if result.returncode:
            raise compile_error(source, result.stderr, command[0])

    return cached(name, build), identity


def _openvino() -> Path:
    """OpenVINO's folder, found without importing it."""
    spec = importlib.util.find_spec("openvino")
    if spec is None or spec.origin is None:
        raise KernelError("OpenVINO is not installed", note="pip install openvino")
    return Path(spec.origin).parent
