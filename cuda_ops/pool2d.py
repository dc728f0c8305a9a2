"""Launches of pool2d.cu."""

import math
from collections.abc import Sequence
from typing import Any

from .launch import Launch, flat
from .reduce import reduce


def pool2d(
    x: Any,
    y: Any,
    shape: Sequence[int],
    out: Sequence[int],
    kernel: Sequence[int],
    stride: Sequence[int],
    pads: Sequence[int] = (0, 0, 0, 0),
    dilation: Sequence[int] = (1, 1),
    average: bool = False,
    include_pad: bool = False,
) -> Launch:
    """Pooling of x [batch, channels, height, width] to `out` (height, width); pads are top, bottom, left, right.

    With rounding up (ceil mode) `out` may reach past the padding. Averages know no dilation (ValueError).
    """
    if average and tuple(dilation) != (1, 1):
        raise ValueError(f"an average pool has no dilation; got {dilation}")
    count = shape[0] * shape[1] * math.prod(out)
    args = (*shape[2:], *out, *kernel, *stride, *pads, *dilation, int(average), int(include_pad))
    return flat("pool2d", "pool2d", count, x, y, count, *args)


def pool2d_adaptive(x: Any, y: Any, shape: Sequence[int], out: Sequence[int], average: bool) -> Launch:
    """Pooling whose windows follow from the output size, as PyTorch's adaptive pools; over everything: a reduction."""
    if tuple(out) == (1, 1):
        return reduce(x, y, (shape[0] * shape[1], math.prod(shape[2:])), 1, "mean" if average else "max")
    count = shape[0] * shape[1] * math.prod(out)
    return flat("pool2d", "pool2d_adaptive", count, x, y, count, *shape[2:], *out, int(average))
