"""Launches of mask.cu."""

from collections.abc import Sequence
from typing import Any

from .launch import Launch, ceil_div, flat


def crop(x: Any, boxes: Any, y: Any, count: int, height: int, width: int) -> Launch:
    """y = x [.., height, width] of `count` elements inside the boxes [.., 4] (corners, in elements), else 0."""
    return flat("mask", "mask_crop", count, x, boxes, y, count, height, width)


def instances(logits: Any, image: Any, boxes: Any, used: Any, y: Any, shape: Sequence[int], factor: int) -> Launch:
    """y [masks, factor * height, factor * width] bytes from logits of `shape` [images, masks, height, width].

    image: int32 [masks], whose logits a mask takes; boxes [masks, 4]; used: int32 [1], how many there are, or None.
    """
    _, masks, height, width = shape
    grid = (ceil_div(height * width * factor**2, 256), masks, 1)
    args = (logits, image, boxes, used, y, masks, height, width, factor)
    return Launch("mask", "mask_instances", grid, (256, 1, 1), args)
