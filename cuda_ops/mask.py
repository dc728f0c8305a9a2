"""Launches of mask.cu."""

from typing import Any

from .launch import Launch, flat


def crop(x: Any, boxes: Any, y: Any, count: int, height: int, width: int) -> Launch:
    """y = x [.., height, width] of `count` elements inside the boxes [.., 4] (corners, in elements), else 0."""
    return flat("mask", "mask_crop", count, x, boxes, y, count, height, width)
