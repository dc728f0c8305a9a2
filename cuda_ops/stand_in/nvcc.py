"""A stand-in for nvcc, whose "fatbins" are the emulator's libraries: what the stand-in driver can load."""

import shlex
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from ..cache import cached, content_key
from ..cxx import compiler, run_compiler
from ..emulator.compile import compile_kernels
from ..errors import CompileError, KernelError

ROOT = Path(__file__).resolve().parents[2]


def stand_in_nvcc() -> Path:
    """Path of a command to name in NVCC: it calls `main` with this Python."""
    program = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); from cuda_ops.stand_in.nvcc import main; sys.exit(main())"
    )
    script = f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -c {shlex.quote(program)} "$@"\n'

    def build(folder: Path) -> None:
        path = folder / name
        path.write_text(script, encoding="utf-8")
        path.chmod(0o755)

    name = f"nvcc-{content_key(script)}"
    return cached(name, build)


def main(argv: Sequence[str] | None = None) -> int:
    """The calls that cuda_ops/nvcc.py makes: --version, --list-gpu-code, and -fatbin FILE.cu -o OUT with -D options."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if "--version" in arguments:
        print("stand-in for nvcc on", run_compiler([*compiler(), "--version"]).stdout.splitlines()[0])
        return 0
    if "--list-gpu-code" in arguments:
        print("sm_90")
        return 0
    source = Path(next(a for a in arguments if a.endswith(".cu")))
    defines = dict(a[2:].partition("=")[::2] for a in arguments if a.startswith("-D"))
    try:
        shutil.copy(compile_kernels(source, "run", defines), arguments[arguments.index("-o") + 1])
    except CompileError as error:
        print(f"{error.where}: error: {error.problem}", file=sys.stderr)
        return 1
    except KernelError as error:
        print(error, file=sys.stderr)
        return 1
    return 0
