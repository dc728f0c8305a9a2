"""Launches of reduce.cu: reductions and argmax along an axis."""

from collections.abc import Sequence
from typing import Any

from .launch import Launch, flat, row_threads, split_shape

OPERATIONS = {"sum": 0, "mean": 1, "max": 2, "min": 3, "prod": 4}


def reduce(x: Any, y: Any, shape: Sequence[int], axis: int, operation: str) -> Launch:
    """One of OPERATIONS along an axis; axes that are neighbours are merged into one before."""
    outer, n, inner = split_shape(shape, axis)
    number = OPERATIONS[operation]
    if inner == 1:
        return Launch("reduce", "reduce_rows", (outer, 1, 1), (row_threads(n), 1, 1), (x, y, n, number))
    return flat("reduce", "reduce_columns", outer * inner, x, y, n, inner, outer * inner, number)


def argmax(x: Any, index: Any, value: Any, shape: Sequence[int], axis: int) -> Launch:
    """Where the maximum along an axis stands (int32), and what it is; either output may be None."""
    outer, n, inner = split_shape(shape, axis)
    if inner == 1:
        return Launch("reduce", "argmax_rows", (outer, 1, 1), (row_threads(n), 1, 1), (x, index, value, n))
    return flat("reduce", "argmax_columns", outer * inner, x, index, value, n, inner, outer * inner)
