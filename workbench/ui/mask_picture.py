"""The mask view's three pictures, and the prompt view's one, as PNG: what stands where no kernel runs."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from workbench.ui.colormaps import labels
from workbench.ui.pairs import ALL, BOTH, ONLY_ENGINE, ONLY_REFERENCE, OTHER, Pairs, agreement

SIDE, GAP, HEAD, FOOT = 320, 16, 24, 24
LONGER = 480  # pixels of the longer side of a picture that stands alone
INK, PAPER = (32, 32, 32), (255, 255, 255)
SLATE, BLUE, ORANGE, PURPLE = (90, 100, 112), (0, 92, 190), (232, 98, 0), (126, 30, 156)
COLOURS = {BOTH: SLATE, ONLY_REFERENCE: BLUE, ONLY_ENGINE: ORANGE, OTHER: PURPLE}
SAID = {BOTH: "both", ONLY_REFERENCE: "/// only reference", ONLY_ENGINE: "\\\\\\ only engine", OTHER: "other pair"}


def hatched(code: int, height: int, width: int) -> np.ndarray:
    """bool [height, width], a code's stripes: / for the reference's, \\ for the engine's, both for another pair."""
    y, x = np.mgrid[:height, :width]
    up, down = (x + y) % 6 < 2, (x - y) % 6 < 2
    return {ONLY_REFERENCE: up, ONLY_ENGINE: down, OTHER: up | down}.get(code, np.zeros((height, width), bool))


def masks_png(
    picture: np.ndarray, pairs: Pairs, pair: int, rows: Sequence[dict[str, Any]], titles: Sequence[str], opacity: float
) -> bytes:
    """Reference, engine and disagreement side by side, with boxes and points."""
    height = max(1, round(SIDE * picture.shape[0] / picture.shape[1]))
    small = Image.fromarray(picture).resize((SIDE, height), Image.Resampling.BILINEAR)
    owners = [_to(plane, height) for plane in pairs.owners(pair)]
    colours = _colours(pairs, pair)
    drawn = [_shaded(small, owner, colours[side], opacity) for side, owner in enumerate(owners)]
    codes = _peaks(agreement(*pairs.owners(pair)), height)
    drawn.append(_disagreement(small, codes))
    sheet = Image.new("RGB", (3 * (SIDE + GAP) + GAP, HEAD + height + FOOT), PAPER)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    scale = (SIDE / picture.shape[1], height / picture.shape[0])
    for i, (one, title) in enumerate(zip(drawn, (*titles, "disagreement"), strict=True)):
        for side in (0, 1):
            if side == i or i == 2:
                _finds(one, rows, pair, side, scale, width=3 - 2 * side if i == 2 else 2)
        x = GAP + i * (SIDE + GAP)
        pen.text((x, 4), title, fill=INK, font=font)
        sheet.paste(one, (x, HEAD))
    if pairs.grid:
        _legend(pen, GAP + 2 * (SIDE + GAP), HEAD + height + 5, [c for c in SAID if c != OTHER or (codes == c).any()])
    return few_colours(sheet)


def few_colours(picture: Image.Image) -> bytes:
    """As a PNG of 256 colours, a third of the bytes that a photograph has otherwise in every notebook that shows it."""
    out = io.BytesIO()
    picture.quantize(256, dither=Image.Dither.NONE).save(out, "PNG", optimize=True)
    return out.getvalue()


def _legend(pen: ImageDraw.ImageDraw, x: float, y: float, codes: Sequence[int]) -> None:
    font = ImageFont.load_default(11)
    for code in codes:
        pen.rectangle([x, y + 2, x + 12, y + 11], fill=COLOURS[code])
        pen.text((x + 16, y), SAID[code], fill=INK, font=font)
        x += 22 + pen.textlength(SAID[code], font=font)


def _colours(pairs: Pairs, pair: int) -> list[np.ndarray]:
    """For each side u8 [pairs + 1, 3] by owner: a pair's own colour, or the side's where one pair is shown."""
    if pair == ALL:
        return [np.concatenate([[(0, 0, 0)], labels(len(pairs.matches))]).astype(np.uint8)] * 2
    return [np.tile(np.array(colour, np.uint8), (len(pairs.matches) + 1, 1)) for colour in (BLUE, ORANGE)]


def _to(plane: np.ndarray, height: int) -> np.ndarray:
    """The nearest of its elements for every pixel of [height, SIDE]."""
    rows, columns = ((np.arange(n) + 0.5) * m / n for n, m in zip((height, SIDE), plane.shape, strict=True))
    return plane[rows.astype(int)[:, None], columns.astype(int)]


def _peaks(codes: np.ndarray, height: int) -> np.ndarray:
    """The largest code of the elements below every pixel, so that a single flipped one is seen."""
    for axis, (n, m) in enumerate(zip((height, SIDE), codes.shape, strict=True)):
        codes = np.maximum.reduceat(codes, np.arange(n) * m // n, axis)
    return codes


def _shaded(picture: Image.Image, owners: np.ndarray, colours: np.ndarray, opacity: float) -> Image.Image:
    under = np.asarray(picture)
    over = under * (1 - opacity) + colours[owners] * opacity
    return Image.fromarray(np.where(owners[..., None] > 0, over, under).astype(np.uint8))


def _disagreement(picture: Image.Image, codes: np.ndarray) -> Image.Image:
    pixels = np.asarray(picture.convert("L"), np.float64)[..., None] * 0.38 + 250 * 0.62
    pixels = np.repeat(pixels, 3, 2)
    for code, colour in COLOURS.items():
        share = 0.42 if code == BOTH else np.where(hatched(code, *codes.shape), 0.3, 1.0)[..., None]
        pixels = np.where((codes == code)[..., None], pixels * (1 - share) + np.array(colour) * share, pixels)
    return Image.fromarray(pixels.astype(np.uint8))


def _finds(
    picture: Image.Image, rows: Sequence[dict[str, Any]], pair: int, side: int, scale: tuple[float, float], width: int
) -> None:
    """The boxes and points of a side, in its colour."""
    pen, colour = ImageDraw.Draw(picture), (BLUE, ORANGE)[side]
    for i, row in enumerate(rows):
        if pair not in (ALL, i):
            continue
        if box := row["boxes"][side]:
            pen.rectangle([v * scale[k % 2] for k, v in enumerate(box)], outline=colour, width=width)
        for point in row["points"][side] or ():
            x, y = point[0] * scale[0], point[1] * scale[1]
            if len(point) < 3 or point[2] > 0.5:
                pen.ellipse([x - 2, y - 2, x + 2, y + 2], fill=colour, outline=PAPER)


def prompts_png(picture: np.ndarray, objects: Sequence[tuple[np.ndarray | None, Any, Any]], opacity: float) -> bytes:
    """A picture with every object's (mask, box, points), of which a mask and a box may be None."""
    image = picture.astype(np.float64)
    for (mask, _, _), colour in zip(objects, labels(len(objects)), strict=True):
        if mask is not None:
            image[mask] = image[mask] * (1 - opacity) + colour * opacity
    drawn = Image.fromarray(image.astype(np.uint8))
    drawn.thumbnail((LONGER, LONGER), Image.Resampling.BILINEAR)
    pen, scale = ImageDraw.Draw(drawn), drawn.width / picture.shape[1]
    for _, box, points in objects:
        if box:
            pen.rectangle([v * scale for v in box], outline="white", width=2)
        for x, y, label in points:
            _sign(pen, x * scale, y * scale, label)
    return few_colours(drawn)


def _sign(pen: ImageDraw.ImageDraw, x: float, y: float, label: int) -> None:
    """A disc with a plus for the object, a square with a minus for the background."""
    around = [x - 6, y - 6, x + 6, y + 6]
    if label:
        pen.ellipse(around, fill="white", outline="black")
        pen.line([x, y - 3, x, y + 3], fill="black", width=2)
    else:
        pen.rectangle(around, fill="white", outline="black")
    pen.line([x - 3, y, x + 3, y], fill="black", width=2)
