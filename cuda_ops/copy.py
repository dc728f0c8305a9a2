"""Launches of copy.cu: slices, concatenations, permutations, paddings."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .launch import Launch, ceil_div, contiguous, flat

RANK, TILE = 6, 32
LIMIT = 65535  # blocks along a grid's second and third axis


def copy_view(
    x: Any,
    y: Any,
    shape: Sequence[int],
    x_strides: Sequence[int],
    y_strides: Sequence[int],
    x_start: int = 0,
    y_start: int = 0,
) -> Launch:
    """y[y_start + i . y_strides] = x[x_start + i . x_strides] for every index i of `shape`; in elements.

    Raises ValueError where more than six dimensions are left after merging.
    """
    dims: list[tuple[int, int, int]] = []
    for size, a, b in zip(shape, x_strides, y_strides, strict=True):
        if size == 1:
            continue
        if dims and dims[-1][1] == a * size and dims[-1][2] == b * size:
            dims[-1] = (dims[-1][0] * size, a, b)
        else:
            dims.append((size, a, b))
    if len(dims) > RANK:
        raise ValueError(f"a copy over {len(dims)} dimensions that do not merge (at most {RANK}): {tuple(shape)}")
    dims = [(1, 0, 0)] * (RANK - len(dims)) + dims
    plan = np.array(dims, np.int32).T.ravel().copy()
    count = math.prod(shape)
    return flat("copy", "copy_strided", count, x, y, plan, x_start, y_start, count)


def slice_copy(
    x: Any, y: Any, shape: Sequence[int], start: Sequence[int], size: Sequence[int], step: Sequence[int] | None = None
) -> Launch:
    """y = x[start : start + size * step : step], index by index."""
    strides, steps = contiguous(shape), step or [1] * len(shape)
    first = sum(a * b for a, b in zip(start, strides, strict=True))
    return copy_view(x, y, size, [a * b for a, b in zip(strides, steps, strict=True)], contiguous(size), first)


def concat(inputs: Sequence[tuple[Any, Sequence[int]]], y: Any, axis: int) -> list[Launch]:
    """One launch per (tensor, shape) input, each into its place along the axis of y."""
    axis %= len(inputs[0][1])
    shape = list(inputs[0][1])
    shape[axis] = sum(s[axis] for _, s in inputs)
    strides, launches, at = contiguous(shape), [], 0
    for x, s in inputs:
        launches.append(copy_view(x, y, s, contiguous(s), strides, y_start=at * strides[axis]))
        at += s[axis]
    return launches


def as_transposes(shape: Sequence[int], order: Sequence[int]) -> tuple[int, int, int] | None:
    """(batch, rows, columns) where the permutation only transposes the matrices of a batch; else None."""
    axes = [d for d in range(len(shape)) if shape[d] != 1]
    kept = [axes.index(d) for d in order if shape[d] != 1]
    runs: list[list[int]] = []  # axes that stay neighbours
    for d in kept:
        if runs and d == runs[-1][-1] + 1:
            runs[-1].append(d)
        else:
            runs.append([d])
    sizes = [math.prod(shape[axes[d]] for d in run) for run in runs]
    batch = 1
    if len(runs) == 3 and runs[0][0] == 0:
        batch, runs, sizes = sizes[0], runs[1:], sizes[1:]
    fits = batch <= LIMIT and ceil_div(sizes[-1], TILE) <= LIMIT if sizes else False
    return (batch, sizes[1], sizes[0]) if len(runs) == 2 and fits else None


def permute(x: Any, y: Any, shape: Sequence[int], order: Sequence[int]) -> Launch:
    """y's axis i is x's axis order[i]."""
    if found := as_transposes(shape, order):
        batch, rows, columns = found
        grid = (ceil_div(columns, TILE), ceil_div(rows, TILE), batch)
        return Launch("copy", "transpose", grid, (TILE, 8, 1), (x, y, rows, columns))
    strides, out = contiguous(shape), [shape[d] for d in order]
    return copy_view(x, y, out, [strides[d] for d in order], contiguous(out))


def fill(y: Any, value: float, count: int) -> Launch:
    """Every element of y."""
    return flat("copy", "fill", count, y, float(value), count)
