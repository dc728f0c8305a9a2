"""Launches of roialign.cu."""

import math
from collections.abc import Sequence
from typing import Any

from .launch import Launch, flat


def roialign(
    x: Any, boxes: Any, y: Any, shape: Sequence[int], out: Sequence[int], scale: float, samples: int, aligned: bool
) -> Launch:
    """y of shape `out` [boxes, channels, size, size] from x of `shape` and boxes [boxes, 5], as torchvision has it.

    samples: along each side of a bin; 0: as many as the bin has elements.
    """
    count = math.prod(out)
    args = (count, *shape[1:], out[3], samples, int(aligned), float(scale))
    return flat("roialign", "roialign", count, x, boxes, y, *args)
