"""Modules and functions, as in pycuda.driver; arguments are checked against the kernel's own parameter list."""

import ctypes
import struct
from pathlib import Path

import numpy as np

from ..cache import cached, content_key
from .device import LaunchError, LogicError, Stream, need_context
from .memory import DeviceAllocation
from .native import KernelTable, launch, runtime

_DEFAULT_SHARED, _MAX_SHARED = 48 << 10, 227 << 10
# struct codes by what the kernel table calls them: P pointer, f, d, ?, and signed integers by size
_CODES = {"P": "P", "f": "f", "d": "d", "?": "?", "e": "x"} | {
    code: {1: "b", 2: "h", 4: "i", 8: "q"}[struct.calcsize(code)] for code in "bBhHiIlLqQnN"
}


class function_attribute:
    """Numbers of the attributes that are asked for, as in cuda.h."""

    MAX_THREADS_PER_BLOCK = 0
    MAX_DYNAMIC_SHARED_SIZE_BYTES = 8


class Function:
    """A kernel. prepare() once, then prepared_async_call(grid, block, stream, *args)."""

    def __init__(self, module: "Module", name: str):
        try:
            self._kernel = KernelTable.in_dll(module.library, "emu_kernel_" + name)
        except ValueError:
            raise LogicError(f"cuModuleGetFunction failed: named symbol not found ({name})") from None
        self._module, self.name = module, name
        self._codes = ctypes.string_at(self._kernel.arg_codes, self._kernel.arg_count).decode()
        self._format = ""
        self._max_dynamic_shared = _DEFAULT_SHARED

    def set_attribute(self, attribute: int, value: int) -> None:
        if attribute == function_attribute.MAX_DYNAMIC_SHARED_SIZE_BYTES:
            if value > _MAX_SHARED:
                raise LogicError(f"cuFuncSetAttribute failed: invalid argument ({value} of {_MAX_SHARED} bytes)")
            self._max_dynamic_shared = value

    def get_attribute(self, attribute: int) -> int:
        return {
            function_attribute.MAX_THREADS_PER_BLOCK: 1024,
            function_attribute.MAX_DYNAMIC_SHARED_SIZE_BYTES: self._max_dynamic_shared,
        }[attribute]

    def prepare(self, arg_types) -> "Function":
        """arg_types: struct codes ("PPif"), or a list of codes and NumPy types."""
        codes = [t if isinstance(t, str) else np.dtype(t).char for t in arg_types]
        self._format = "".join(codes)
        pairs = zip(self._format, self._codes.ljust(len(self._format)), strict=False)
        given = "".join("P" if kernel == "P" and code in "lLqQnN" else _CODES[code] for code, kernel in pairs)
        if given != self._codes:
            meaning = "P pointer, i 4-byte and q 8-byte integer, f float, x struct"
            raise LogicError(f"{self.name} takes {self._codes!r} ({meaning}), not {given!r}")
        return self

    def prepared_call(self, grid, block, *args, shared_size: int = 0) -> None:
        self.prepared_async_call(grid, block, None, *args, shared_size=shared_size)

    def prepared_async_call(self, grid, block, stream: Stream | None, *args, shared_size: int = 0) -> None:
        """Runs at once: a fault is raised here, where a GPU would tell it at the next synchronisation."""
        need_context("cuLaunchKernel")
        if len(self._format) != len(args):
            raise LogicError(f"{self.name} was prepared for {len(self._format)} arguments, {len(args)} were given")
        whole_grid = self._check_shape(grid, block, shared_size)
        values = [int(a) if code == "P" else a for code, a in zip(self._format, args, strict=True)]
        try:
            packed = struct.pack(self._format, *values)
        except struct.error as error:
            raise LogicError(f"{self.name}: an argument does not fit {self._format!r}: {error}") from error
        if noticed := launch(self._kernel, packed, whole_grid, tuple(block), shared_size):
            raise LaunchError(noticed)

    def __call__(self, *args, block, grid=(1, 1), shared: int = 0, stream: Stream | None = None) -> None:
        for i, a in enumerate(args):
            if not isinstance(a, np.number | DeviceAllocation):
                raise TypeError(f"invalid type on parameter #{i} (0-based)")
        self.prepare([a.dtype if isinstance(a, np.number) else "P" for a in args])
        self.prepared_async_call(grid, block, stream, *args, shared_size=shared)

    def _check_shape(self, grid, block, shared: int) -> tuple[int, ...]:
        if not isinstance(block, tuple) or len(block) != 3:
            raise TypeError("block must be a tuple of three")
        whole = tuple(grid) + (1,) * (3 - len(grid))
        threads = block[0] * block[1] * block[2]
        if not 1 <= threads <= 1024 or block[2] > 64 or min(block) < 1:
            raise LogicError(f"cuLaunchKernel failed: invalid argument (block {block})")
        if len(whole) != 3 or min(whole) < 1 or whole[0] >= 2**31 or max(whole[1:]) > 65535:
            raise LogicError(f"cuLaunchKernel failed: invalid argument (grid {grid})")
        if shared > self._max_dynamic_shared:
            raise LogicError(
                f"cuLaunchKernel failed: invalid argument ({shared} bytes of dynamic shared memory, "
                f"{self._max_dynamic_shared} allowed: see MAX_DYNAMIC_SHARED_SIZE_BYTES)"
            )
        return whole


class Module:
    """A loaded library of kernels."""

    def __init__(self, path: Path):
        need_context("cuModuleLoad")
        runtime()
        try:
            self.library = ctypes.CDLL(str(path))
        except OSError as error:
            raise LogicError(f"cuModuleLoad failed: {error}") from None

    def get_function(self, name: str) -> Function:
        return Function(self, name)

    def get_global(self, name: str) -> tuple[int, int]:
        raise LogicError(f"cuModuleGetGlobal({name}) is not emulated: pass a pointer instead")


def module_from_file(path) -> Module:
    """A module from a library that compile_kernels made."""
    return Module(Path(path))


def module_from_buffer(buffer: bytes) -> Module:
    """A module from such a library's bytes. They are code: load only what this machine compiled."""
    machine = int.from_bytes(buffer[18:20], "little")
    if buffer[:4] != b"\x7fELF" or machine == 190:  # 190: EM_CUDA
        raise LogicError(
            "cuModuleLoadData failed: device kernel image is invalid "
            "(the emulator runs what it compiled itself: neither cubin, fatbin nor PTX)"
        )
    name = f"loaded-{content_key(buffer)}.so"

    def build(folder: Path) -> None:
        (folder / name).write_bytes(buffer)

    return Module(cached(name, build))
