"""How values lie in device memory: which dtype stands for which, and arrays turned into that form and back."""

from __future__ import annotations

import numpy as np

from workbench.graph import DTYPES

WIDER = {"u32": "i32", "i64": "i32"}  # kernels index with int32
KERNEL_STORAGE = {"i32": "i32", "u32": "i32", "u8": "u8", "i8": "u8", "bool": "u8"}  # of what kernels only move


def storage_of(precision: str) -> str:
    """What floats lie in; TF32 is how tensor cores multiply f32."""
    return "f32" if precision == "tf32" else precision


def inner_dtype(dtype: str, storage: str) -> str:
    """What a config's dtype becomes inside the network."""
    return storage if dtype in ("f32", "f16") else WIDER.get(dtype, dtype)


def fed_dtype(dtype: str) -> str:
    """What a fed tensor of a config's dtype lies in."""
    return WIDER.get(dtype, dtype)


def stored(array: np.ndarray, dtype: str) -> np.ndarray:
    """The array as it lies in memory; bf16 as its 16 bits, rounded to nearest even."""
    if dtype != "bf16":
        return np.ascontiguousarray(array, DTYPES[dtype])
    bits = np.ascontiguousarray(array, np.float32).view(np.uint32)
    rounded = ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)
    return np.where(np.isnan(array), np.uint16(0x7FC0), rounded)


def memory_dtype(dtype: str) -> np.dtype:
    """NumPy's dtype of what `stored` gives."""
    return np.dtype(np.uint16 if dtype == "bf16" else DTYPES[dtype])
