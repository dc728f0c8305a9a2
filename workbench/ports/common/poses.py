"""Key points of people and faces: the result, and drawing it in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image

from workbench.ports.common.boxes import COLOURS
from workbench.ports.common.pen import Pen

VISIBLE = 0.5  # points of less are not drawn


class Poses(NamedTuple):
    """Boxes x1, y1, x2, y2 [n, 4], scores [n] and key points x, y, visibility [n, k, 3], the best score first.

    In the picture's pixels.
    """

    boxes: np.ndarray
    scores: np.ndarray
    points: np.ndarray

    def __str__(self) -> str:
        lines = [f"{len(self.boxes)} found"]
        for box, score, points in zip(self.boxes, self.scores, self.points, strict=True):
            seen = int((points[:, 2] > VISIBLE).sum())
            where = " ".join(f"{v:7.1f}" for v in box)
            lines.append(f"  {score:.3f}  {where}  {seen} of {len(points)} points visible")
        return "\n".join(lines)


def draw_poses(
    picture: Image.Image, found: Poses, bones: Sequence[tuple[int, int, str]], colours: Sequence[str]
) -> Image.Image:
    """A copy with boxes, visible key points in their `colours`, and bones (from, to, colour) between them drawn in."""
    out = picture.convert("RGB")
    for box, score, points in reversed(list(zip(found.boxes, found.scores, found.points, strict=True))):
        seen = points[:, 2] > VISIBLE
        corners = np.concatenate([box.reshape(2, 2), points[seen, :2]])
        with Pen(out, [*corners.min(0), *corners.max(0)]) as pen:
            pen.box(box, COLOURS[1])
            for first, second, colour in bones:
                if seen[first] and seen[second]:
                    pen.line(points[first, :2], points[second, :2], colour, 1.5)
            for k in np.flatnonzero(seen).tolist():
                pen.dot(points[k, :2], "white", 1.6)
                pen.dot(points[k, :2], colours[k], 1.1)
            pen.label(box[:2], f"{score:.2f}", COLOURS[1])
    return out
