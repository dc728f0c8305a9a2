"""`view=`: how a config's tensor arranges the values of the tensor that it is tied to."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from workbench.errors import WorkbenchError
from workbench.layers.base import Ints


def parse_view(view: str) -> tuple[str, tuple[int, ...]]:
    """`order:0,2,1` or `shape:1,-1,64` as a word and its numbers. Raises WorkbenchError for anything else."""
    word, _, numbers = view.partition(":")
    try:
        values = tuple(Ints(numbers))
    except ValueError:
        values = ()
    good = word == "shape" and values.count(-1) <= 1 and all(n > 0 or n == -1 for n in values)
    if word == "order":
        good = sorted(values) == list(range(len(values)))
    if not values or not good:
        raise WorkbenchError(
            f"view={view}: expected order: and a permutation of the axes, or shape: and sizes with at most one -1",
            note="view=order:0,2,1 or view=shape:1,-1,64",
        )
    return word, values


def view_shape(shape: Sequence[int], view: str) -> tuple[int, ...]:
    """The config tensor's shape from the original's. Raises WorkbenchError where the view does not fit it."""
    if not view:
        return tuple(shape)
    word, values = parse_view(view)
    size, known = math.prod(shape), math.prod(n for n in values if n != -1)
    fits = len(values) == len(shape) if word == "order" else size == known or (-1 in values and size % known == 0)
    if not fits:
        raise WorkbenchError(f"view={view} does not fit the original's shape {list(shape)}")
    if word == "order":
        return tuple(shape[i] for i in values)
    return tuple(size // known if n == -1 else n for n in values)


def apply_view(array: np.ndarray, view: str) -> np.ndarray:
    """The original's array as the config's line holds it (no copy where numpy needs none)."""
    shape = view_shape(array.shape, view)
    if not view:
        return array
    word, values = parse_view(view)
    return array.transpose(values) if word == "order" else array.reshape(shape)


def undo_view(array: np.ndarray, view: str, shape: Sequence[int]) -> np.ndarray:
    """The inverse of apply_view: the config's array as the original, of shape `shape`, holds it."""
    if array.shape != view_shape(shape, view):
        raise WorkbenchError(f"view={view} turns {list(shape)} into {list(view_shape(shape, view))}; "
                             f"got {list(array.shape)}")  # fmt: skip
    if not view:
        return array
    word, values = parse_view(view)
    return array.transpose(np.argsort(values)) if word == "order" else array.reshape(shape)
