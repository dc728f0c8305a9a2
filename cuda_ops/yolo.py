"""Launches of yolo.cu: detector heads decoded into boxes."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .launch import Launch, flat

MODES = ("yolov5", "yolox")
FIRST_STRIDE = 8  # pixels per cell of the finest map; it doubles from map to map


def yolo(
    mode: str,
    x: Any,
    boxes: Any,
    scores: Any,
    batch: int,
    grid: Sequence[int],
    classes: int,
    stride: int,
    anchors: Sequence[int] = (),
    flattened: bool = False,
) -> Launch:
    """boxes [batch, A, 4] and scores [batch, A, classes] of one map of `grid` (rows, columns).

    x is [batch, anchors * (5 + classes), rows, columns], or with `flattened` [batch, rows * columns, 5 + classes].
    anchors: width, height of each in pixels (yolov5).
    """
    sizes = np.array(anchors if mode == "yolov5" else (stride, stride), np.float32)
    count, cells, each = len(sizes) // 2, grid[0] * grid[1], 5 + classes
    strides = (cells * each, 0, 1, each) if flattened else (count * each * cells, each * cells, cells, 1)
    total = batch * count * cells
    args = (total, count, cells, grid[1], classes, *strides, MODES.index(mode), float(stride))
    return flat("yolo", "yolo", total, x, boxes, scores, sizes, *args)


def cell_grid(maps: Sequence[Sequence[int]]) -> np.ndarray:
    """[3, cells]: x and y of the centres in cells, and pixels per cell, of maps (rows, columns), finest first."""
    parts = []
    for i, (rows, columns) in enumerate(maps):
        y, x = np.mgrid[:rows, :columns].reshape(2, -1) + 0.5
        parts.append(np.stack([x, y, np.full(x.size, FIRST_STRIDE * 2**i)]))
    return np.concatenate(parts, 1).astype(np.float32)


def dist2bbox(x: Any, y: Any, batch: int, maps: Sequence[Sequence[int]], centre_size: bool) -> Launch:
    """Distances [batch, 4, cells] into boxes in pixels: corners, or centre and size."""
    grid = cell_grid(maps)
    cells = grid.shape[1]
    return flat("yolo", "dist2bbox", batch * cells, x, y, grid, cells, batch * cells, int(centre_size))
