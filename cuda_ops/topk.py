"""Launches of topk.cu."""

from collections.abc import Sequence
from typing import Any

from .launch import Launch, split_shape

SORTABLE = 4096  # values that fit in 32 KB of shared memory


def topk(x: Any, value: Any, index: Any, shape: Sequence[int], axis: int, k: int) -> Launch:
    """The k largest along an axis: values and int32 places, in the shape with k for the axis's size."""
    outer, n, inner = split_shape(shape, axis)
    if not 1 <= k <= n:
        raise ValueError(f"topk of {k} among {n} values; expected 1 to {n}")
    grid = (outer * inner, 1, 1)
    if n <= SORTABLE:
        size = 1 << (n - 1).bit_length()
        threads = min(512, max(32, size // 2))
        args = (x, value, index, n, inner, k, size)
        return Launch("topk", "topk_sort", grid, (threads, 1, 1), args, shared=8 * size)
    return Launch("topk", "topk_select", grid, (1024, 1, 1), (x, value, index, n, inner, k))
