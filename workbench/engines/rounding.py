"""Values rounded to a shorter float type and back: what an engine of that precision can know of its operands."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np


def rounded(arrays: Mapping[str, np.ndarray], precision: str) -> dict[str, np.ndarray]:
    """float32 arrays rounded to `precision` (bf16, f16, tf32) and widened again; others as they are."""
    rule = {"bf16": bfloat16, "f16": lambda a: a.astype(np.float16).astype(np.float32), "tf32": tensor_float32}
    return {name: rule[precision](a) if a.dtype == np.float32 else a for name, a in arrays.items()}


def bfloat16(a: np.ndarray) -> np.ndarray:
    """The upper 16 bits of a float32, rounded to nearest even; NaN and Inf stay."""
    bits = np.ascontiguousarray(a).view(np.uint32)
    up = (bits + 0x7FFF + ((bits >> 16) & 1)) & np.uint32(0xFFFF0000)
    return np.where(np.isfinite(a), up.view(np.float32), a)


def tensor_float32(a: np.ndarray) -> np.ndarray:
    """10 bits of mantissa, ties away from zero (PTX's cvt.rna.tf32); NaN and Inf stay."""
    up = (np.ascontiguousarray(a).view(np.uint32) + np.uint32(0x1000)) & np.uint32(0xFFFFE000)
    return np.where(np.isfinite(a), up.view(np.float32), a)
