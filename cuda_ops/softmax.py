"""Launches of softmax.cu."""

from collections.abc import Sequence
from typing import Any

from .launch import Launch, flat, row_threads, split_shape


def softmax(x: Any, y: Any, shape: Sequence[int], axis: int, log: bool = False) -> Launch:
    """softmax of x along an axis, or its logarithm; y may be x."""
    outer, n, inner = split_shape(shape, axis)
    if inner == 1:
        return Launch("softmax", "softmax_rows", (outer, 1, 1), (row_threads(n), 1, 1), (x, y, n, int(log)))
    return flat("softmax", "softmax_columns", outer * inner, x, y, n, inner, outer * inner, int(log))
