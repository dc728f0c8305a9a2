"""g++ turns a .cu file into a library of kernels, and runtime/ into the library that schedules them."""

import functools
import re
from collections.abc import Mapping
from pathlib import Path

from ..cache import cached, content_key
from ..cxx import compiler, compiler_identity, run_compiler
from ..errors import KernelError
from ..sources import KERNEL_DIR, compile_error, read_source, source_content, without_comments

HERE = Path(__file__).resolve().parent
INCLUDE, RUNTIME = HERE / "include", HERE / "runtime"

COMMON = [
    "-std=gnu++17",
    "-pthread",
    "-fPIC",
    "-fvisibility=hidden",
    "-fno-semantic-interposition",
    "-fno-extern-tls-init",
]
KERNEL = [
    "-fno-math-errno",
    "-fno-trapping-math",
    "-fno-strict-aliasing",
    "-Wno-unknown-pragmas",
    "-Wno-unused-function",
]
MODE = {
    "run": ["-O3", "-march=native", "-g1"],
    # g++ inserts calls to hooks that runtime/check.cpp defines: the sanitizers' own libraries are not linked
    "check": ["-O1", "-g", "-DEMU_CHECK", "-fsanitize=thread,bounds,alignment"],
}
_DYNAMIC_SHARED = re.compile(
    r"extern\s+__shared__\s+(?:__align__\s*\(\s*\d+\s*\)\s*)?(?P<type>[\w:\s]+?)\s*\b(?P<name>\w+)\s*\[\s*\]\s*;"
)
# __shared__ as language.h has it. An array of __half, whose constructor does nothing, would be initialised on first
# use, as if by a thread; with an initialiser it is not.
_STATIC_SHARED = re.compile(r"static __thread [^;={}]*(?=;)")
_LAUNCH_BOUNDS = r"(?:__launch_bounds__\s*\([^)]*\)\s*)?"
_KERNEL_NAME = re.compile(rf"__global__\s+{_LAUNCH_BOUNDS}void\s+{_LAUNCH_BOUNDS}(\w+)\s*\(")


def _headers() -> list[bytes]:
    return [file.read_bytes() for file in sorted(INCLUDE.glob("*.h"))]


@functools.cache
def runtime_library() -> Path:
    """Path of the scheduler's shared library, compiled on first use (some seconds)."""
    sources = sorted(RUNTIME.glob("*.cpp"))
    contents = [file.read_bytes() for file in sorted(RUNTIME.iterdir())]
    flags = [*COMMON, "-O2", "-g1", "-Wall"]
    name = f"emulator-{content_key(compiler_identity(compiler()), flags, *contents, *_headers())}.so"

    def build(folder: Path) -> None:
        result = run_compiler([*compiler(), *flags, "-shared", *sources, "-o", folder / name, "-ldl"])
        if result.returncode:
            raise compile_error(RUNTIME, result.stderr, compiler()[0])

    return cached(name, build)


def emulator_source(path: Path) -> str:
    """The .cu text as g++ gets it: dynamic shared memory becomes a pointer, and each kernel's table entry follows."""
    bare = without_comments(read_source(path))
    body = _DYNAMIC_SHARED.sub(r"\g<type> *const \g<name> = (\g<type> *)emu_self.dynamic_shared;", bare)
    kernels = _KERNEL_NAME.findall(re.sub(r"template\s*<[^>]*>\s*__global__", "", bare))
    if not kernels:
        raise KernelError('no kernel found: expected extern "C" __global__ void NAME(...)', str(path))
    return f'#line 1 "{path}"\n{body}\n' + "".join(f"EMU_KERNEL({kernel})\n" for kernel in kernels)


def compile_kernels(path: Path, mode: str = "run", defines: Mapping[str, str] | None = None) -> Path:
    """Path of the shared library for a .cu file.

    mode is run or check; defines become -D options. Raises CompileError with the .cu's own file and line.
    """
    path = Path(path).resolve()
    source = emulator_source(path)
    runtime = runtime_library()
    flags = [*COMMON, *KERNEL, *MODE[mode], *(f"-D{key}={value}" for key, value in sorted((defines or {}).items()))]
    built_by = (compiler_identity(compiler()), flags, runtime.name, *_headers())
    name = f"{path.stem}-{mode}-{content_key(str(path), source, source_content(path), *built_by)}.so"

    def build(folder: Path) -> None:
        (folder / "kernel.cpp").write_text(source, encoding="utf-8")
        include = ["-I", INCLUDE, "-I", path.parent, "-I", KERNEL_DIR, "-include", INCLUDE / "cuda_emulator.h"]
        command = [*compiler(), *flags]
        result = run_compiler([*command, *include, "-E", folder / "kernel.cpp"])
        if result.returncode:
            raise compile_error(path, result.stderr, compiler()[0])
        whole = _STATIC_SHARED.sub(r"\g<0> = {}", result.stdout)
        (folder / "kernel.ii").write_text(whole, encoding="utf-8")
        result = run_compiler([*command, "-c", folder / "kernel.ii", "-o", folder / "kernel.o"])
        if result.returncode:
            raise compile_error(path, result.stderr, compiler()[0])
        # linked apart, without -fsanitize: else the sanitizers' own libraries would come in
        result = run_compiler([*compiler(), "-shared", folder / "kernel.o", runtime, "-o", folder / name, "-pthread"])
        if result.returncode:
            raise compile_error(path, result.stderr, compiler()[0])

    return cached(name, build)
