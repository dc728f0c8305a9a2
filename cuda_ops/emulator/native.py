"""The runtime library's C functions."""

import ctypes
import functools
import re
import subprocess
from ctypes import c_char_p, c_size_t, c_void_p
from pathlib import Path

from .compile import runtime_library
from .options import ORDERS, options


class KernelTable(ctypes.Structure):
    """EmuKernel of include/abi.h."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("run_threads", ctypes.c_void_p),
        ("shared_anchor", ctypes.c_void_p),
        ("arg_count", ctypes.c_uint),
        ("arg_bytes", ctypes.c_uint),
        ("arg_offsets", ctypes.c_void_p),
        ("arg_codes", ctypes.c_void_p),
        ("checked", ctypes.c_int),
    )


class _NativeOptions(ctypes.Structure):
    """EmuOptions of runtime/worker.h."""

    _fields_ = tuple((name, ctypes.c_int) for name in ("workers", "order", "seed", "check", "time_limit_ms"))


@functools.cache
def _library() -> ctypes.CDLL:
    lib = ctypes.CDLL(str(runtime_library()), mode=ctypes.RTLD_GLOBAL)  # kernel libraries find it by its symbols
    lib.emu_malloc.restype, lib.emu_malloc.argtypes = c_void_p, [c_size_t]
    lib.emu_free.argtypes = [c_void_p]
    lib.emu_host_access.argtypes = [c_void_p, c_size_t, ctypes.c_int]
    lib.emu_copied.argtypes = [c_void_p, c_void_p, c_size_t]
    kernel, arguments, grid, block, shared = c_void_p, c_char_p, c_void_p, c_void_p, ctypes.c_uint
    lib.emu_launch.argtypes = [kernel, arguments, grid, block, shared, c_char_p, c_size_t]
    return lib


def runtime() -> ctypes.CDLL:
    """The runtime library, with the options in force; compiled and loaded on first use."""
    lib, chosen = _library(), options()
    native = _NativeOptions.in_dll(lib, "emu_options")
    native.workers, native.order, native.seed = chosen.workers, ORDERS.index(chosen.order), chosen.seed
    native.check, native.time_limit_ms = chosen.mode == "check", max(1, round(chosen.time_limit * 1000))
    return lib


def launch(kernel: KernelTable, arguments: bytes, grid: tuple[int, ...], block: tuple[int, ...], shared: int) -> str:
    """Run a kernel; what went wrong, a line each, or an empty string."""
    error = ctypes.create_string_buffer(16384)
    triple = ctypes.c_uint * 3
    runtime().emu_launch(ctypes.addressof(kernel), arguments, triple(*grid), triple(*block), shared, error, len(error))
    return re.sub(r"@([^@]+)\+(0x[0-9a-f]+)@", lambda m: _source_line(m[1], m[2]), error.value.decode(errors="replace"))


def _source_line(library: str, offset: str) -> str:
    """file:line of an address, with the lines that inlined it; the address itself where addr2line is missing."""
    try:
        done = subprocess.run(["addr2line", "-i", "-e", library, offset], capture_output=True, text=True, timeout=60)
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return f"{Path(library).name}+{offset}"
    lines = [line for line in done.stdout.splitlines() if not line.startswith("?")]
    places = [re.sub(r" \(discriminator \d+\)$", "", line) for line in lines]
    if not places:
        return f"{Path(library).name}+{offset}"
    return " inlined at ".join(_short(place) for place in places if "/emulator/include/" not in place) or places[0]


def _short(place: str) -> str:
    file, _, line = place.rpartition(":")
    path = Path(file)
    return f"{path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path}:{line}"
