"""The maps as one PNG and a table in HTML: what stands where no kernel runs, and what a saved picture holds."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from workbench.ui.colormaps import DIFFERENCE, TOP, VALUES
from workbench.ui.facts import short
from workbench.ui.resample import Range, block, codes, reduce_mean, reduce_peak

SIDE, GAP, HEAD, FOOT, BAR = 320, 16, 24, 34, 8
INK, PAPER = (32, 32, 32), (255, 255, 255)


def maps_png(maps: Sequence[tuple[np.ndarray, Range]], titles: Sequence[str], log: bool = False) -> bytes:
    """Maps side by side, each with its title, colour bar and range. The third one is the difference."""
    drawn = [_map(plane, scale, i == 2, log) for i, (plane, scale) in enumerate(maps)]
    height = max(m.height for m in drawn)
    sheet = Image.new("RGB", (len(maps) * (SIDE + GAP) + GAP, HEAD + height + FOOT), PAPER)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    for i, (picture, (_, scale), title) in enumerate(zip(drawn, maps, titles, strict=False)):
        x = GAP + i * (SIDE + GAP)
        pen.text((x, 4), title, fill=INK, font=font)
        sheet.paste(picture, (x, HEAD))
        colours = DIFFERENCE if i == 2 else VALUES
        bar = Image.fromarray(np.ascontiguousarray(colours[None, :TOP]))
        sheet.paste(bar.resize((SIDE, BAR)), (x, HEAD + height + 4))
        ends = [short(v, 2).replace("−", "-") for v in scale]
        pen.text((x, HEAD + height + 14), ends[0], fill=INK, font=font)
        pen.text((x + SIDE, HEAD + height + 14), ends[1], fill=INK, font=font, anchor="ra")
    out = io.BytesIO()
    sheet.save(out, "PNG")
    return out.getvalue()


def _map(plane: np.ndarray, scale: Range, peaks: bool, log: bool) -> Image.Image:
    """A plane SIDE wide: reduced by whole blocks, or each element a block of whole pixels where it is small."""
    k = block(plane.shape[0], plane.shape[1], SIDE)
    with np.errstate(invalid="ignore", over="ignore"):
        grid = codes((reduce_peak if peaks else reduce_mean)(plane, k), scale, log)
    picture = Image.fromarray((DIFFERENCE if peaks else VALUES)[grid])
    height = round(min(max(SIDE * plane.shape[0] / plane.shape[1], SIDE / 4), SIDE * 1.25))
    nearest = picture.width * 2 <= SIDE
    return picture.resize((SIDE, height), Image.Resampling.NEAREST if nearest else Image.Resampling.BILINEAR)


def figure_html(title: str, picture: bytes, facts: Sequence[tuple[str, str]], note: str = "") -> str:
    """A figure with its facts as a table: no script, nothing from elsewhere, every text escaped."""
    said = html.escape(title)
    rows = "".join(f"<tr><th>{html.escape(k)}</th><td>{html.escape(v)}</td></tr>" for k, v in facts)
    told = f"<p>{html.escape(note)}</p>" if note else ""
    data = base64.b64encode(picture).decode()
    return (
        f'<figure><figcaption><b>{said}</b></figcaption><img alt="{said}" src="data:image/png;base64,{data}">'
        f"{told}<table>{rows}</table></figure>"
    )
