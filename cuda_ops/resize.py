"""Launches of resize.cu."""

import math
from collections.abc import Sequence
from typing import Any

from .launch import Launch, flat


def resize_nearest(x: Any, y: Any, shape: Sequence[int], out: Sequence[int]) -> Launch:
    """x [batch, channels, height, width] to `out` (height, width); upsampling by a factor too."""
    count = shape[0] * shape[1] * math.prod(out)
    return flat("resize", "resize_nearest", count, x, y, count, *shape[2:], *out)


def resize_bilinear(x: Any, y: Any, shape: Sequence[int], out: Sequence[int], align_corners: bool = False) -> Launch:
    """Bilinear, as PyTorch's interpolate (no antialiasing)."""
    count = shape[0] * shape[1] * math.prod(out)
    scales = [_scale(size, target, align_corners) for size, target in zip(shape[2:], out, strict=True)]
    return flat("resize", "resize_bilinear", count, x, y, count, *shape[2:], *out, *scales, int(align_corners))


def resize_bicubic(x: Any, y: Any, shape: Sequence[int], out: Sequence[int], align_corners: bool = False) -> Launch:
    """Keys' kernel with a = -0.75, as PyTorch's interpolate (no antialiasing)."""
    count = shape[0] * shape[1] * math.prod(out)
    scales = [_scale(size, target, align_corners) for size, target in zip(shape[2:], out, strict=True)]
    return flat("resize", "resize_bicubic", count, x, y, count, *shape[2:], *out, *scales, int(align_corners))


def _scale(size: int, out: int, align_corners: bool) -> float:
    if not align_corners:
        return size / out
    return (size - 1) / (out - 1) if out > 1 else 0.0
