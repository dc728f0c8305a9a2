"""Device memory and copies, as in pycuda.driver. Freed or foreign pointers and copies past an end are refused."""

import ctypes
import threading

import numpy as np

from .device import LogicError, MemoryError, Stream, need_context
from .native import runtime
from .options import options

_lock = threading.Lock()
_in_use = 0


def _account(nbytes: int) -> None:
    global _in_use
    with _lock:
        if nbytes > 0 and _in_use + nbytes > options().memory:
            free = options().memory - _in_use
            raise MemoryError(f"cuMemAlloc failed: out of memory ({nbytes} bytes asked, {free} free)")
        _in_use += nbytes


class DeviceAllocation:
    """Device memory; int() of it is the pointer. Freed by free(), or with the object."""

    def __init__(self, nbytes: int):
        self._pointer = 0
        need_context("cuMemAlloc")
        if nbytes <= 0:
            raise LogicError("cuMemAlloc failed: invalid argument (no bytes asked)")
        self._runtime = runtime()
        _account(nbytes)
        self._pointer, self._nbytes = self._runtime.emu_malloc(nbytes) or 0, nbytes
        if not self._pointer:
            _account(-nbytes)
            raise MemoryError(f"cuMemAlloc failed: out of memory (the host refused {nbytes} bytes)")

    def __int__(self) -> int:
        return self._pointer

    __index__ = __int__

    def free(self) -> None:
        if not self._pointer:
            raise LogicError("cuMemFree failed: invalid argument (freed before)")
        pointer, self._pointer = self._pointer, 0
        self._runtime.emu_free(pointer)
        _account(-self._nbytes)

    def __del__(self) -> None:
        if self._pointer and _account is not None:  # None once the interpreter ends; the memory goes with it
            self.free()


def mem_alloc(nbytes: int) -> DeviceAllocation:
    """Device memory, NaN-filled, ending at a page that faults."""
    return DeviceAllocation(int(nbytes))


def mem_get_info() -> tuple[int, int]:
    """(free, total) bytes."""
    need_context("cuMemGetInfo")
    return options().memory - _in_use, options().memory


def pagelocked_empty(shape, dtype, order: str = "C", mem_flags: int = 0) -> np.ndarray:
    """A host array; page-locked on a GPU."""
    need_context("cuMemHostAlloc")
    return np.empty(shape, dtype, order)  # type: ignore[call-overload]


def _device(pointer, nbytes: int, call: str, write: bool) -> int:
    need_context(call)
    if runtime().emu_host_access(int(pointer), nbytes, write):
        span = f"{nbytes} bytes at {int(pointer):#x}"
        raise LogicError(f"{call} failed: invalid argument ({span} do not lie in one allocation)")
    return int(pointer)


def _host(array: np.ndarray) -> int:
    if not array.flags.forc:
        raise ValueError("ndarray is not contiguous")
    return array.ctypes.data


def memcpy_htod(dest, src: np.ndarray) -> None:
    source = _host(src)
    ctypes.memmove(_device(dest, src.nbytes, "cuMemcpyHtoD", True), source, src.nbytes)


def memcpy_dtoh(dest: np.ndarray, src) -> None:
    target = _host(dest)
    ctypes.memmove(target, _device(src, dest.nbytes, "cuMemcpyDtoH", False), dest.nbytes)


def memcpy_dtod(dest, src, size: int) -> None:
    source, target = _device(src, size, "cuMemcpyDtoD", False), _device(dest, size, "cuMemcpyDtoD", False)
    ctypes.memmove(target, source, size)
    runtime().emu_copied(target, source, size)


def memcpy_htod_async(dest, src: np.ndarray, stream: Stream | None = None) -> None:
    memcpy_htod(dest, src)


def memcpy_dtoh_async(dest: np.ndarray, src, stream: Stream | None = None) -> None:
    memcpy_dtoh(dest, src)


def memcpy_dtod_async(dest, src, size: int, stream: Stream | None = None) -> None:
    memcpy_dtod(dest, src, size)


def memset_d8(dest, data: int, count: int) -> None:
    ctypes.memset(_device(dest, count, "cuMemsetD8", True), data, count)


def memset_d8_async(dest, data: int, count: int, stream: Stream | None = None) -> None:
    memset_d8(dest, data, count)


def memset_d32(dest, data: int, count: int) -> None:
    memcpy_htod(dest, np.full(count, data, np.uint32))


def memset_d32_async(dest, data: int, count: int, stream: Stream | None = None) -> None:
    memset_d32(dest, data, count)
