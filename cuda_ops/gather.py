"""Launches of gather.cu."""

from collections.abc import Sequence
from typing import Any

from .launch import Launch, flat, split_shape


def gather(x: Any, index: Any, y: Any, shape: Sequence[int], axis: int, picks: int) -> Launch:
    """x of `shape` at the `picks` places of an int32 index along an axis, which `picks` takes the place of."""
    outer, n, inner = split_shape(shape, axis)
    count = outer * picks * inner
    return flat("gather", "gather", count, x, index, y, count, n, inner, picks)


def gather_elements(x: Any, index: Any, y: Any, shape: Sequence[int], axis: int, picks: int) -> Launch:
    """torch.gather: y and the int32 index have the shape of x, with `picks` along the axis."""
    outer, n, inner = split_shape(shape, axis)
    count = outer * picks * inner
    return flat("gather", "gather_elements", count, x, index, y, count, n, inner, picks)
