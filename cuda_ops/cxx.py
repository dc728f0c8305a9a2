"""The C++ compiler, and what its machine code depends on."""

import functools
import os
import platform
import re
import shlex
import subprocess
from collections.abc import Sequence
from pathlib import Path

from .errors import KernelError


def compiler() -> tuple[str, ...]:
    """The C++ compiler's command: CXX (which may hold options), else g++."""
    return tuple(shlex.split(os.environ.get("CXX", ""))) or ("g++",)


def run_compiler(command: Sequence[object]) -> subprocess.CompletedProcess[str]:
    """Run a compiler's command and answer what it did; KernelError where it is missing or takes more than 300 s."""
    try:
        return subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=300)
    except FileNotFoundError:
        raise KernelError(
            f"a C++ compiler is needed, and '{command[0]}' is not there",
            note="install g++ (Debian, Ubuntu: apt install g++), or name one in CXX",
        ) from None
    except subprocess.TimeoutExpired:
        raise KernelError(f"'{command[0]}' took more than 300 s", note="is this machine overloaded?") from None


@functools.cache
def compiler_identity(command: tuple[str, ...]) -> str:
    """The command, its version and the CPU: -march=native code of another machine must not be loaded here."""
    version = run_compiler([*command, "--version"]).stdout
    cpuinfo = Path("/proc/cpuinfo")
    text = cpuinfo.read_text() if cpuinfo.exists() else ""
    features = re.search(r"^(flags|Features)\s*:.*$", text, re.M)
    return f"{command} {version} {platform.machine()} {features[0] if features else ''}"
