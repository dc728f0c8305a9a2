"""Objects with masks: the result, and drawing it in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageChops, ImageFilter

from workbench.ports.common.boxes import COLOURS
from workbench.ports.common.pen import Pen


class Instances(NamedTuple):
    """Boxes x1, y1, x2, y2 [n, 4] in the picture's pixels, scores [n], classes [n] and masks u8 [n, h, w].

    The best score first. A mask is 1 where the object is; it covers the whole picture at the network's own scale.
    """

    boxes: np.ndarray
    scores: np.ndarray
    classes: np.ndarray
    masks: np.ndarray

    def __str__(self) -> str:
        lines = [f"{len(self.boxes)} found"]
        for box, score, kind, mask in zip(*self, strict=True):
            where = " ".join(f"{v:7.1f}" for v in box)
            lines.append(f"  class {kind}  {score:.3f}  {where}  mask {mask.mean():.1%} of the picture")
        return "\n".join(lines)


def draw_instances(picture: Image.Image, found: Instances, labels: Sequence[str]) -> Image.Image:
    """A copy with each mask shaded and outlined, and its box's class and score written at it."""
    out = picture.convert("RGB")
    each = list(enumerate(zip(*found, strict=True)))
    for i, (box, _, _, mask) in reversed(each):
        shade(out, box, mask, COLOURS[i % len(COLOURS)])
    for i, (box, score, kind, _) in reversed(each):
        with Pen(out, box) as pen:
            pen.label(box[:2], f"{labels[int(kind)]} {score:.2f}", COLOURS[i % len(COLOURS)])
    return out


def shade(picture: Image.Image, box: np.ndarray, mask: np.ndarray, colour: str) -> None:
    """Lay the colour over the mask, half transparent, and its edge in full; only the box's region is touched."""
    left, top, right, bottom = *(int(v) for v in box[:2]), *(int(np.ceil(v)) for v in box[2:])
    if left >= right or top >= bottom:
        return
    x, y = mask.shape[1] / picture.width, mask.shape[0] / picture.height
    part = (left * x, top * y, right * x, bottom * y)
    soft = Image.fromarray(mask * 255).resize((right - left, bottom - top), Image.Resampling.BILINEAR, part)
    wide = round(max(1, min(picture.size) / 600))
    # What is blurred and still full lies deeper within than the edge; a MinFilter takes minutes on a picture of 8k.
    within = soft.filter(ImageFilter.BoxBlur(wide)).point([0] * 255 + [255])
    edge = ImageChops.subtract(soft, within)
    alpha = ImageChops.lighter(soft.point([v * 9 // 20 for v in range(256)]), edge)
    picture.paste(colour, (left, top), alpha)
