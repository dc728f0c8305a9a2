"""Launches of norm.cu: layer, group, instance and batch norm."""

import math
from collections.abc import Sequence
from typing import Any

from .launch import IDENTITY, Act, Launch, flat, row_threads, split_shape


def _act(act: Act) -> tuple[int, float, float]:
    return act.number, float(act.alpha), float(act.beta)


def layer_norm(
    x: Any, gamma: Any, beta: Any, y: Any, shape: Sequence[int], axis: int = -1, eps: float = 1e-5, act: Act = IDENTITY
) -> Launch:
    """Over one axis; gamma and beta have its size, or are None."""
    outer, n, inner = split_shape(shape, axis)
    if inner == 1:
        args = (x, gamma, beta, y, n, 1, 0, 1, float(eps), *_act(act))
        return Launch("norm", "norm_rows", (outer, 1, 1), (row_threads(n), 1, 1), args)
    columns = outer * inner
    return flat("norm", "norm_columns", columns, x, gamma, beta, y, n, inner, columns, float(eps), *_act(act))


def group_norm(
    x: Any, gamma: Any, beta: Any, y: Any, shape: Sequence[int], groups: int, eps: float = 1e-5, act: Act = IDENTITY
) -> Launch:
    """Over all positions of a group of channels of [batch, channels, ...]; instance norm has a group per channel."""
    channels, inner = shape[1] // groups, math.prod(shape[2:])
    length = channels * inner
    args = (x, gamma, beta, y, length, groups, channels, inner, float(eps), *_act(act))
    return Launch("norm", "norm_rows", (shape[0] * groups, 1, 1), (row_threads(length), 1, 1), args)


def affine(x: Any, scale: Any, shift: Any, y: Any, shape: Sequence[int], act: Act = IDENTITY) -> Launch:
    """act(x * scale + shift) by channel of [batch, channels, ...]: a batch norm whose four vectors became two."""
    count = math.prod(shape)
    return flat("norm", "affine", count, x, scale, shift, y, shape[1], math.prod(shape[2:]), count, *_act(act))
