"""DLPack without a package for it: what another library's tensor is, and our memory as such a tensor.

The structs are those of dlpack.h, version 0.8, which every library still gives when asked without a version.
"""

from __future__ import annotations

import ctypes
import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

CPU, CUDA = 1, 2  # DLDeviceType
_KINDS = {0: "i", 1: "u", 2: "f", 6: "b"}  # DLDataTypeCode → numpy's kind
_CODES = {kind: code for code, kind in _KINDS.items()}
_NAME = b"dltensor"


class _Tensor(ctypes.Structure):
    _fields_ = (
        ("data", ctypes.c_void_p), ("device_type", ctypes.c_int32), ("device_id", ctypes.c_int32),
        ("ndim", ctypes.c_int32), ("code", ctypes.c_uint8), ("bits", ctypes.c_uint8), ("lanes", ctypes.c_uint16),
        ("shape", ctypes.POINTER(ctypes.c_int64)), ("strides", ctypes.POINTER(ctypes.c_int64)),
        ("byte_offset", ctypes.c_uint64),
    )  # fmt: skip


class _Managed(ctypes.Structure):
    pass


_DELETER = ctypes.CFUNCTYPE(None, ctypes.POINTER(_Managed))
_Managed._fields_ = (("tensor", _Tensor), ("context", ctypes.c_void_p), ("deleter", _DELETER))
_DESTRUCTOR = ctypes.CFUNCTYPE(None, ctypes.c_void_p)

_new = ctypes.pythonapi.PyCapsule_New
_new.restype, _new.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_char_p, _DESTRUCTOR]
_pointer = ctypes.pythonapi.PyCapsule_GetPointer
_pointer.restype, _pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
_is_valid = ctypes.pythonapi.PyCapsule_IsValid
_is_valid.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
_raw_pointer = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_char_p)(
    ("PyCapsule_GetPointer", ctypes.pythonapi)
)


class View(NamedTuple):
    """A tensor that a capsule holds; strides in elements, None: without gaps. It lives as long as the capsule."""

    pointer: int
    shape: tuple[int, ...]
    dtype: np.dtype | None  # None: one that numpy does not have
    strides: tuple[int, ...] | None
    device: tuple[int, int]


def read_capsule(capsule: Any) -> View:
    """What a `__dlpack__` capsule says. The capsule is not consumed: while it lives, so does the memory."""
    t = _Managed.from_address(_pointer(capsule, _NAME)).tensor
    shape = tuple(t.shape[i] for i in range(t.ndim))
    strides = tuple(t.strides[i] for i in range(t.ndim)) if t.strides else None
    known = t.lanes == 1 and t.code in _KINDS
    dtype = np.dtype(f"{_KINDS[t.code]}{t.bits // 8}") if known else None
    return View((t.data or 0) + t.byte_offset, shape, dtype, strides, (t.device_type, t.device_id))


_alive: dict[int, tuple[Any, ...]] = {}  # what exported tensors need, until their deleter is called
_numbers = itertools.count(1)


def make_capsule(owner: Any, pointer: int, shape: Sequence[int], dtype: np.dtype, device: tuple[int, int]) -> Any:
    """A capsule of memory without gaps that keeps `owner` alive until its consumer has done with it."""
    sizes = (ctypes.c_int64 * len(shape))(*shape)
    code, bits = _CODES[dtype.kind], dtype.itemsize * 8
    tensor = _Tensor(pointer, *device, len(shape), code, bits, 1, sizes, None, 0)
    key = next(_numbers)
    managed = _Managed(tensor, key, _deleted)
    _alive[key] = (owner, sizes, managed)
    return _new(ctypes.addressof(managed), _NAME, _capsule_gone)


@_DELETER
def _deleted(managed: Any) -> None:
    _alive.pop(managed.contents.context, None)


@_DESTRUCTOR
def _capsule_gone(capsule: int) -> None:
    """A consumer renames the capsule and calls the deleter itself; else it is called here."""
    if _is_valid(capsule, _NAME):
        managed = _Managed.from_address(_raw_pointer(capsule, _NAME))
        _alive.pop(managed.context, None)
