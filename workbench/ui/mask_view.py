"""The mask view: what reference and engine found in a picture, side by side, and where the two disagree."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import traitlets

from workbench.atomic import write_atomically
from workbench.ports.common.pictures import Picture
from workbench.ports.common.poses import VISIBLE
from workbench.ui.colormaps import labels
from workbench.ui.facts import short
from workbench.ui.found import Found, as_found
from workbench.ui.frames import FrameView, Message
from workbench.ui.mask_facts import difference_facts, middle_of, pair_rows
from workbench.ui.mask_picture import masks_png
from workbench.ui.pairs import ALL, BOTH, Pairs, agreement
from workbench.ui.picture import picture_bytes, picture_of
from workbench.ui.planes import WHOLE
from workbench.ui.resample import block
from workbench.ui.static import figure_html

LONGEST = 1536  # elements of a map's longer side that go to the browser; larger ones are reduced by whole blocks


class MaskView(FrameView):
    """MaskView(picture, reference, engine, names=CLASSES): two results of one picture, and where they differ.

    A picture is a PIL picture, a path, or u8 [h, w, 3]; a result is whatever a port returns, or masks, a label map,
    boxes or key points in one of the forms that workbench.ui.found takes. `names` are those of the classes, by number.

    chosen       the pair that is shown, -1 for all of them; per: "instance", or "class" with its instances as one
    draw         fill, outline or both; opacity of the fill, 0..1; labels: whether names, boxes and points are drawn
    cursor       y, x in the picture's pixels; window: (top, left, bottom, right) as parts of the picture
    goal         the IoU that every pair should reach; 0 where there is none
    path         [line, cumulative error, what is allowed, verdict] of the lines that lead to the engine's result
    `pairs` holds both sides, `rows` a row of numbers for every pair.
    """

    SCRIPT = "mask_view.js"
    STYLES = ("mask_view.css",)

    title = traitlets.Unicode().tag(sync=True)
    caption = traitlets.Unicode().tag(sync=True)
    reference_name = traitlets.Unicode("PyTorch").tag(sync=True)
    engine_name = traitlets.Unicode("engine").tag(sync=True)
    size = traitlets.Tuple((1, 1)).tag(sync=True)
    chosen = traitlets.Int(ALL).tag(sync=True)
    per = traitlets.Enum(("instance", "class"), "instance").tag(sync=True)
    classes = traitlets.Bool(False).tag(sync=True)  # whether there are instances that classes can join
    draw = traitlets.Enum(("fill", "outline", "both"), "both").tag(sync=True)
    opacity = traitlets.Float(0.6, min=0.0, max=1.0).tag(sync=True)
    labels = traitlets.Bool(True).tag(sync=True)
    cursor = traitlets.Tuple((0, 0)).tag(sync=True)
    window = traitlets.Tuple(WHOLE).tag(sync=True)
    goal = traitlets.Float(0.0).tag(sync=True)
    path: Any = traitlets.List().tag(sync=True)
    visible = traitlets.Float(VISIBLE).tag(sync=True)  # the confidence from which key points are drawn

    def __init__(
        self,
        picture: Picture | str | Path | None = None,
        reference: Any = None,
        engine: Any = None,
        *,
        names: Sequence[str] = (),
        **traits: Any,
    ) -> None:
        super().__init__(**traits)
        blank = np.full((3, 4, 3), 255, np.uint8)
        self.set_results(blank if picture is None else picture, reference, engine, names=names, keep=traits)
        self.react(self._join, "per")
        self.react(self._choose, "chosen")

    def set_results(
        self,
        picture: Picture | str | Path,
        reference: Any,
        engine: Any,
        *,
        names: Sequence[str] = (),
        keep: Any = (),
        **traits: Any,
    ) -> None:
        """Show other results; `traits` (title, caption, ...) go with them, those in `keep` stay as they are.

        Raises WorkbenchError for what is no picture, or no result that fits it.
        """
        image = picture_of(picture)
        size = image.shape[:2]
        found = as_found(reference, size), as_found(engine, size)
        per = self.per if "per" in keep else "instance"
        pairs = _paired(found, per)
        with self.lock, self.hold_trait_notifications():
            self.picture, self.names, self._found, self.pairs = image, tuple(names), found, pairs
            self.rows, self.size, self.per = pair_rows(pairs, self.names), size, per
            self.classes = any(f.boxes is not None and f.masks is not None and f.classes is not None for f in found)
            start = {"window": WHOLE, "chosen": _first(found[0], pairs), "cursor": ()}
            for name, value in {**start, **traits}.items():
                if name not in keep:
                    setattr(self, name, value)
            self.chosen = self._last(self.chosen)
            self.cursor = self.cursor or self._where()
        self._send_picture()
        self.push()

    def _where(self) -> tuple[int, int]:
        """y, x where there is something to see: where most pixels are flipped, else the first box's middle."""
        codes = agreement(*self.pairs.owners(self.chosen))
        middle = middle_of(codes > BOTH)
        if middle is None and self.rows and (box := self.rows[0]["boxes"][0] or self.rows[0]["boxes"][1]):
            middle = [(box[1] + box[3]) / 2 / self.size[0], (box[0] + box[2]) / 2 / self.size[1]]
        y, x = (max(0, min(n - 1, int(m * n))) for m, n in zip(middle or (0.5, 0.5), self.size, strict=True))
        return y, x

    def _join(self) -> None:
        """Instances as they are, or those of a class as one."""
        self.pairs = _paired(self._found, self.per)
        self.rows, self.chosen = pair_rows(self.pairs, self.names), ALL
        self.push()

    def _choose(self) -> None:
        self.chosen = self._last(self.chosen)
        self.push()

    def _last(self, pair: int) -> int:
        """A pair there is: what Python or the browser sets too far is set to the last."""
        return max(ALL, min(pair, len(self.rows) - 1))

    # ---- messages from the browser

    def frame(self) -> Message:
        """For each side the owner of every pixel, u16, then what they agree in, u8, from top left."""
        owners = self.pairs.owners(self.chosen)
        codes = agreement(*owners)
        k = block(codes.shape[0], codes.shape[1], LONGEST)
        planes = [owner[::k, ::k] for owner in owners] + [_peaks(codes, k)]
        colours = labels(len(self.rows)).tolist()
        said = {"rows": self.rows, "chosen": self.chosen, "grid": planes[2].shape, "block": k, "colours": colours}
        return said | {"masks": self.pairs.grid is not None}, [np.ascontiguousarray(p).tobytes() for p in planes]

    def do_hello(self, pixels: int) -> None:
        self.pixels = max(1, int(pixels))
        self._send_picture()
        super().do_hello(pixels)

    def _send_picture(self) -> None:
        if self.pixels:
            self.send({"kind": "picture"}, [picture_bytes(self.picture)])

    def do_details(self) -> None:
        """What stands below the pictures; asked for when the choice rests."""
        if self.pixels:
            self.send({"kind": "details", **difference_facts(self.pairs, self.chosen)})

    def do_png(self) -> None:
        self.send_file(f"{self._stem}.png", self.static_png(), "image/png")

    @property
    def _stem(self) -> str:
        return "".join(c if c.isalnum() or c in "._-" else "_" for c in self.title or "masks")

    # ---- files and the static form

    def save_png(self, path: str | Path) -> Path:
        """Write the three pictures as one; atomically."""
        return write_atomically(path, lambda file: file.write(self.static_png()))

    def static_png(self) -> bytes:
        titles = (self.reference_name, self.engine_name)
        return masks_png(self.picture, self.pairs, self.chosen, self.rows, titles, self.opacity)

    def static_html(self) -> str:
        found = difference_facts(self.pairs, self.chosen)["facts"]
        facts = [(name, f"{value} ({remark})") for name, value, remark in found]
        page = figure_html(self.title or "reference and engine", self.static_png(), facts, self.caption)
        return page + _table(self.rows)

    def __repr__(self) -> str:
        shown = "all" if self.chosen == ALL else self.rows[self.chosen]["name"]
        return f"MaskView({self.size[1]} × {self.size[0]}, {len(self.rows)} pairs, {shown} shown)"


def _paired(found: tuple[Found, Found], per: str) -> Pairs:
    return Pairs(*(f.by_class() for f in found)) if per == "class" else Pairs(*found)


def _first(reference: Found, pairs: Pairs) -> int:
    """The likeliest of several masks of one object, which cover each other; else all."""
    if reference.logits is None or reference.scores is None or len(pairs.matches) < 2:
        return ALL
    return int(reference.scores.argmax())


def _peaks(codes: np.ndarray, k: int) -> np.ndarray:
    """The largest code of each k × k block, so that a single flipped pixel stays in sight."""
    for axis in (0, 1):
        codes = np.maximum.reduceat(codes, np.arange(0, codes.shape[axis], k), axis)
    return codes


def _table(rows: Sequence[dict[str, Any]]) -> str:
    """A row for every pair, as HTML; names are escaped."""
    cells = ["name", "found by", "score, reference", "score, engine", "IoU", "flipped"]
    out = []
    for row in rows:
        scores = ["" if s is None else f"{s:.4f}" for s in row["scores"]]
        iou = row.get("iou")
        flipped = f"{row['flipped']:,}" if "flipped" in row else ""
        said = [row["name"], row["side"], *scores, f"{iou:.4f}" if isinstance(iou, float) else "", flipped]
        if row.get("moved") is not None:
            said[-1] = f"points moved {short(row['moved'])} px"
        out.append("<tr>" + "".join(f"<td>{escape(text)}</td>" for text in said) + "</tr>")
    head = "".join(f"<th>{name}</th>" for name in cells)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(out)}</tbody></table>" if rows else ""
