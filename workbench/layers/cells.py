"""The cells of an anchor-free detector's maps, as ultralytics YOLOv8 lays them out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

FIRST_STRIDE = 8  # the first map's pixels per cell; it doubles from map to map


def cells(sizes: Sequence[Sequence[int]]) -> np.ndarray:
    """[3, A] f32: x and y of every cell's centre in cells, and the cell's pixels, map after map, row by row."""
    columns = []
    for i, (h, w) in enumerate(sizes):
        y, x = np.mgrid[:h, :w].reshape(2, -1) + 0.5
        columns.append(np.stack([x, y, np.full(h * w, FIRST_STRIDE * 2.0**i)]))
    return np.concatenate(columns, 1).astype(np.float32)
