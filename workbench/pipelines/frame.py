"""How a picture lies in a square network input: scaled to its longer side, top left; and the way back for masks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from PIL import Image


@dataclass(frozen=True)
class Frame:
    """A picture of `size` (width, height) in an input of `side` x `side`, whose masks come as `low` x `low`."""

    size: tuple[int, int]
    side: int = 1024
    low: int = 256

    @cached_property
    def inner(self) -> tuple[int, int]:
        """Width and height within the input, at least 1; rounded as SAM's ResizeLongestSide has it."""
        scale = self.side * 1.0 / max(self.size)
        width, height = (max(1, int(n * scale + 0.5)) for n in self.size)
        return width, height

    def resize(self, image: np.ndarray) -> np.ndarray:
        """u8 [h, w, 3] → u8 of the inner size, by Pillow's antialiasing bilinear filter, as SAM has it."""
        return np.asarray(Image.fromarray(image).resize(self.inner, Image.Resampling.BILINEAR))

    def to_input(self, points: np.ndarray) -> np.ndarray:
        """x, y [.., 2] of the picture in pixels of the input, f32."""
        scale = np.array([inner / size for inner, size in zip(self.inner, self.size, strict=True)])
        return (np.asarray(points, np.float64) * scale).astype(np.float32)

    def enlarge(self, logits: np.ndarray) -> np.ndarray:
        """f32 [.., low, low] → [.., h, w]: to the input's side, cut to the inner size, and to the picture's.

        Both steps are bilinear with half-pixel centres, so the two of each axis are one matrix.
        """
        rows, columns = self._enlargement
        return rows @ logits @ columns

    @cached_property
    def _enlargement(self) -> tuple[np.ndarray, np.ndarray]:
        up = interpolation(self.low, self.side)
        columns, rows = (
            (interpolation(inner, size) @ up[:inner]).astype(np.float32)
            for inner, size in zip(self.inner, self.size, strict=True)
        )
        return rows, np.ascontiguousarray(columns.T)


def interpolation(n: int, m: int) -> np.ndarray:
    """[m, n]: the matrix that takes n samples to m, bilinear with half-pixel centres, as torch's interpolate.

    The places are computed in float32, as there: in float64 they would differ by up to 1e-4 of a sample.
    """
    at = np.maximum(np.float32(n / m) * (np.arange(m, dtype=np.float32) + np.float32(0.5)) - np.float32(0.5), 0)
    first = np.minimum(at.astype(int), n - 1)
    share = (at - first).astype(np.float64)
    matrix, row = np.zeros((m, n)), np.arange(m)
    matrix[row, first] = 1 - share
    matrix[row, np.minimum(first + 1, n - 1)] += share
    return matrix
