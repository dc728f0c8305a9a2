"""Smooth lines, dots and labels on a picture: drawn enlarged, then made small again."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

FINE = 3  # times finer than the picture
LARGE = 4  # pixels of a line that is smooth enough as it is: a picture of 8k would need gigabytes
Point = Sequence[float] | np.ndarray


class Pen:
    """Draws into the region (x1, y1, x2, y2) of a picture, which changes when the `with` block ends.

    Coordinates are the picture's; `unit` is a line's usual width, a three-hundredth of the picture's shorter side.
    """

    def __init__(self, picture: Image.Image, region: Point) -> None:
        self.picture = picture
        self.unit = max(1.0, min(picture.size) / 300)
        self._fine = FINE if self.unit < LARGE else 1
        margin = 12 * self.unit
        left, top = (max(0, int(v - margin)) for v in region[:2])
        right, bottom = (min(n, int(v + margin) + 1) for v, n in zip(region[2:], picture.size, strict=True))
        self.region = (left, top, max(left + 1, right), max(top + 1, bottom))

    def __enter__(self) -> Pen:
        cut = self.picture.crop(self.region)
        self._canvas = cut.resize((cut.width * self._fine, cut.height * self._fine), Image.Resampling.NEAREST)
        self._draw = ImageDraw.Draw(self._canvas)
        return self

    def __exit__(self, *_: object) -> None:
        self.picture.paste(self._canvas.reduce(self._fine), self.region[:2])

    def line(self, start: Point, end: Point, colour: str, width: float = 1.0) -> None:
        """With round ends; `width` in units."""
        self._draw.line([self._at(start), self._at(end)], colour, max(1, round(width * self.unit * self._fine)))
        for point in (start, end):
            self.dot(point, colour, width / 2)

    def dot(self, point: Point, colour: str, radius: float = 1.0) -> None:
        x, y = self._at(point)
        r = radius * self.unit * self._fine
        self._draw.ellipse((x - r, y - r, x + r, y + r), colour)

    def box(self, box: Point, colour: str) -> None:
        corners = (*self._at(box[:2]), *self._at(box[2:]))
        self._draw.rectangle(corners, outline=colour, width=round(self.unit * self._fine))

    def label(self, point: Point, text: str, colour: str) -> None:
        """White on colour, above the point, or below it at the picture's upper edge."""
        size = max(10.0, 5 * self.unit) * self._fine
        x, y = self._at(point)
        height = self._draw.textbbox((0, 0), "Ag", font_size=size)[3] * 1.15
        top = max(0.0, y - height)
        width = self._draw.textlength(text, font_size=size) + size * 0.5
        left = max(0.0, min(x, self._canvas.width - width))
        self._draw.rectangle((left, top, left + width, top + height), colour)
        self._draw.text((left + size * 0.25, top + height / 2), text, "white", anchor="lm", font_size=size)

    def _at(self, point: Point) -> tuple[float, float]:
        x, y = ((float(v) - first + 0.5) * self._fine for v, first in zip(point, self.region[:2], strict=True))
        return x, y
