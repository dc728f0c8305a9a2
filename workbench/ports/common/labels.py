"""Label maps, one class for every pixel: out of logits of another size, and drawn over a picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from workbench.ports.common.pictures import taps

_ROWS = 1 << 20  # pixels that are worked on at a time, which bounds the RAM that a picture of 8k takes


def largest(logits: np.ndarray, size: Sequence[int]) -> np.ndarray:
    """u8 [*size]: the largest of the logits [c, h, w] (the lowest class of equal ones), these resized to `size` first.

    As torch.nn.functional.interpolate(mode="bilinear", align_corners=False) and argmax, without the resized logits:
    where a class is the largest at all four pixels that a weighted mean is taken of, it is so in the mean.
    """
    at_source = _argmax(logits)
    if logits.shape[1:] == tuple(size):
        return at_source
    (y0, y1, fy), (x0, x1, fx) = (taps(n, m) for n, m in zip(logits.shape[1:], size, strict=True))
    out = np.empty(size, np.uint8)
    step = max(1, _ROWS // size[1])
    for start in range(0, size[0], step):
        rows = slice(start, start + step)
        corners = [at_source[y[rows]][:, x] for y in (y0, y1) for x in (x0, x1)]
        block = out[rows] = corners[0]
        i, j = np.nonzero(np.any([corner != block for corner in corners[1:]], 0))
        top, bottom, share = (a[rows][i] for a in (y0, y1, fy))
        left, right, across = (a[j] for a in (x0, x1, fx))
        upper = logits[:, top, left] * (1 - across) + logits[:, top, right] * across
        lower = logits[:, bottom, left] * (1 - across) + logits[:, bottom, right] * across
        out[rows][i, j] = (upper * (1 - share) + lower * share).argmax(0)
    return out


def _argmax(logits: np.ndarray) -> np.ndarray:
    """argmax over axis 0 as u8, class by class: numpy's own walks across the memory."""
    best, label = logits[0].copy(), np.zeros(logits.shape[1:], np.uint8)
    for i, plane in enumerate(logits[1:], 1):
        label[plane > best] = i
        np.maximum(best, plane, out=best)
    return label


def shares(mask: np.ndarray) -> list[tuple[int, float]]:
    """The classes in a mask and the part of its pixels that each has, the largest first."""
    counts = np.bincount(mask.ravel())
    return [(int(i), counts[i] / mask.size) for i in np.argsort(-counts, kind="stable") if counts[i]]


def palette(count: int) -> np.ndarray:
    """u8 [count, 3]: Pascal VOC's colours, in which most label maps are published (black is class 0).

    The three lowest bits of a class go to the highest bits of red, green and blue, the next three to the bits below.
    """
    bits = np.arange(count)[:, None] >> np.arange(9) & 1
    return (bits.reshape(count, 3, 3) << np.array([7, 6, 5])[:, None]).sum(1).astype(np.uint8)


def draw_labels(picture: Image.Image, mask: np.ndarray, names: Sequence[str], most: int = 8) -> Image.Image:
    """The picture under half-transparent colours of its classes but 0, and below it a legend of the `most` largest."""
    colours = palette(len(names))
    image = np.asarray(picture.convert("RGB"))
    over = np.where(mask[..., None] > 0, (image.astype(np.uint16) + colours[mask]) // 2, image).astype(np.uint8)
    found = shares(mask)[:most]
    line = max(14, picture.width // 40)
    columns = max(1, picture.width // (line * 10))
    out = Image.new("RGB", (picture.width, picture.height + -(-len(found) // columns) * line * 3 // 2), "white")
    out.paste(Image.fromarray(over))
    pen = ImageDraw.Draw(out)
    for n, (i, share) in enumerate(found):
        x, y = n % columns * line * 10, picture.height + n // columns * line * 3 // 2
        pen.rectangle([x + line // 4, y + line // 4, x + line, y + line], fill=tuple(colours[i].tolist()))
        pen.text(
            (x + line * 1.3, y + line * 0.65), f"{names[i]} {share:.0%}", "black", anchor="lm", font_size=line * 0.8
        )
    return out
