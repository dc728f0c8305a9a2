"""What a plane of a reference and of an engine differ by: signed, absolute or relative, element by element."""

from __future__ import annotations

import numpy as np

KINDS = ("signed", "abs", "rel")


def difference(x: np.ndarray, r: np.ndarray, kind: str = "signed") -> np.ndarray:
    """x - r in float32 or wider; |x - r|; or |x - r| / max(|x|, |r|), which lies in 0..2 and is 0 where both are 0.

    Equal values differ by 0 (Inf and Inf, NaN and NaN too); NaN or Inf on one side only stays NaN or Inf.
    """
    a, b = as_float(x), as_float(r)
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        d = a - b
        if not np.isfinite(d).all():
            d = np.where((a == b) | (np.isnan(a) & np.isnan(b)), 0, d)
        if kind == "signed":
            return d
        d = np.abs(d)
        if kind == "abs":
            return d
        size = np.maximum(np.abs(a), np.abs(b))
        return np.where(d == 0, 0, d / np.where(size > 0, size, 1))


def as_float(x: np.ndarray) -> np.ndarray:
    """float32 as it is, float16 and small integers exactly in float32, anything wider in float64."""
    if x.dtype == np.float32:
        return x
    return x.astype(np.float32 if x.dtype.itemsize <= 2 else np.float64)
