"""The tensor view: a reference, an engine's tensor and their difference side by side, one channel at a time."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import traitlets

from workbench.atomic import write_atomically
from workbench.errors import WorkbenchError
from workbench.ui.arrangement import arrange, arrangements
from workbench.ui.colormaps import DIFFERENCE, DIFFERENCE_DARK, VALUES
from workbench.ui.difference import KINDS, difference
from workbench.ui.facts import histogram, listing, number, plane_facts, plane_scan, short, times, worst_rows
from workbench.ui.frames import FrameView, Message
from workbench.ui.planes import WHOLE, Look, Pair, numbers, pack, shape_note
from workbench.ui.scan import Scan, scan
from workbench.ui.static import figure_html, maps_png
from workbench.ui.transposed import Order, find_order

AT_ONCE = 1 << 21  # elements scanned before the first picture; larger tensors are scanned in a thread
REPORT_EVERY = 0.3  # seconds between a thread's messages


class TensorView(FrameView):
    """TensorView(reference, engine): two tensors of any rank, of one shape, and where they differ.

    tolerance   the largest error that is allowed, relative to the reference's largest magnitude
    cut         (rows, columns, height, width) of the windows that a window attention cut the picture into
    shown_as    an arrangement's name: NCHW, NHWC, CHW, HWC, HW, windows, tokens, folded, row, or `axes 0,2`
    channel, held, cursor    what is looked at: the slider, the other axes' indices, (y, x) in the picture
    kind, log, clip, window  signed, abs or rel; the scale; percent clipped; (top, left, bottom, right) as parts of 1
    scope       whether the listing and the worst elements are those of the channel or of the whole tensor
    swapped     the engine's axes put right, where `note` says in which order they match

    `index` is the tensor's own index under the cursor, `go_to(index)` moves there. Tensors may be mapped from files.
    """

    SCRIPT = "tensor_view.js"
    STYLES = ("tensor_view.css",)

    title = traitlets.Unicode().tag(sync=True)
    caption = traitlets.Unicode().tag(sync=True)
    reference_name = traitlets.Unicode("PyTorch hook").tag(sync=True)
    engine_name = traitlets.Unicode("engine").tag(sync=True)
    tolerance = traitlets.Float(0.0)
    shape = traitlets.Unicode().tag(sync=True)
    choices: traitlets.List[Any] = traitlets.List().tag(sync=True)
    shown_as = traitlets.Unicode().tag(sync=True)
    size = traitlets.Tuple((1, 1, 1)).tag(sync=True)
    held_sizes = traitlets.Tuple().tag(sync=True)
    channel = traitlets.Int(0).tag(sync=True)
    held = traitlets.Tuple().tag(sync=True)
    cursor = traitlets.Tuple((0, 0)).tag(sync=True)
    kind = traitlets.Enum(KINDS, "signed").tag(sync=True)
    log = traitlets.Bool(False).tag(sync=True)
    clip = traitlets.Enum((0.0, 0.1, 1.0, 5.0), 0.0).tag(sync=True)
    window = traitlets.Tuple(WHOLE).tag(sync=True)
    scope = traitlets.Enum(("channel", "tensor"), "channel").tag(sync=True)
    note = traitlets.Unicode().tag(sync=True)
    swapped = traitlets.Bool(False).tag(sync=True)
    colours = traitlets.Bytes(np.concatenate([VALUES, DIFFERENCE, DIFFERENCE_DARK]).tobytes()).tag(sync=True)

    def __init__(
        self,
        reference: np.ndarray | None = None,
        engine: np.ndarray | None = None,
        *,
        cut: tuple[int, int, int, int] | None = None,
        **traits: Any,
    ) -> None:
        super().__init__(**traits)
        self._scan: Scan | None = None
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._order: Order | None = None
        self.set_tensors(np.zeros((1, 1), np.float32) if reference is None else reference, engine, cut=cut, keep=traits)
        self.react(self._relayout, "shown_as", "swapped")
        self.react(self._clamp_and_push, "channel", "held", "kind", "log", "clip", "window")
        self.react(self.do_details, "scope", "tolerance")

    # ---- what is shown

    def set_tensors(
        self,
        reference: np.ndarray,
        engine: np.ndarray | None = None,
        *,
        cut: tuple[int, int, int, int] | None = None,
        keep: Any = (),
        **traits: Any,
    ) -> None:
        """Show other tensors, beginning at the worst element; `traits` (title, tolerance, ...) go with them.

        Raises WorkbenchError for what is no tensor of numbers, or cannot be shown in the arrangement asked for.
        """
        reference = numbers(reference, "the reference")
        engine = None if engine is None else numbers(engine, "the engine's tensor")
        with self.lock, self.hold_trait_notifications():
            self._reference, self._given, self._cut = reference, engine, cut
            self._order = None if engine is None else find_order(engine, reference)
            asked = traits.get("shown_as", self.shown_as if "shown_as" in keep else "")
            for name, value in {"window": WHOLE, "swapped": False, **traits, "shown_as": asked}.items():
                if name not in keep:
                    setattr(self, name, value)
            self.note = shape_note(reference, engine, self._order)
            place = {name: getattr(self, name) for name in ("channel", "held", "cursor") if name in keep}
            self._lay_out(keep_place=False)
            self._go_to_worst()
            for name, value in place.items():
                setattr(self, name, value)
        self.push()

    def _lay_out(self, keep_place: bool) -> None:
        """Arrange the tensors as `shown_as` and `swapped` say; begin the scan of the whole."""
        index = self.index if keep_place else (0,) * self._reference.ndim
        engine = self._given
        if self.swapped and self._order and engine is not None:
            engine = self._order.view(engine)
        how = arrange(self._reference.shape, self.shown_as, self._cut)
        self.pair = Pair(self._reference, engine, how)
        offered = arrangements(self._reference.shape, self._cut)
        self.choices = [[a.name, f"{a.label} {a.name}"] for a in offered]
        self.shown_as, self.shape = how.name, ",".join(map(str, self._reference.shape))
        self.size, self.held_sizes = (how.height, how.width, how.channels), how.held_sizes
        y, x, self.channel, self.held = how.place(index)
        self.cursor = (y, x)
        self._begin_scan()

    def _relayout(self) -> None:
        with self.hold_trait_notifications():
            self._lay_out(keep_place=True)
        self.push()

    def _clamp_and_push(self) -> None:
        """What Python or the browser sets too far is set to the last there is."""
        how = self.pair.how
        self.channel = max(0, min(self.channel, how.channels - 1))
        held = [*self.held, *how.held_sizes][: len(how.held_sizes)]
        self.held = tuple(max(0, min(int(i), n - 1)) for i, n in zip(held, how.held_sizes, strict=True))
        self.push()

    @property
    def index(self) -> tuple[int, ...]:
        """The tensor's own index of the element under the cursor."""
        return self.pair.how.index(self.cursor[0], self.cursor[1], self.channel, self.held)

    def go_to(self, index: Sequence[int]) -> None:
        """Put the cursor on an element of the tensor, and show its channel."""
        if len(index) != self._reference.ndim or not all(
            0 <= i < n for i, n in zip(index, self._reference.shape, strict=True)
        ):
            raise WorkbenchError(
                f"element {','.join(map(str, index))} lies outside of the tensor {self.shape}",
                note="give one index for each axis, counted from 0",
            )
        with self.lock, self.hold_trait_notifications():
            y, x, self.channel, self.held = self.pair.how.place(index)
            self.cursor = (y, x)
        self.push()

    def _go_to_worst(self) -> None:
        if self._scan and self._scan.finished and self._scan.worst:
            index = [int(i) for i in np.unravel_index(self._scan.worst[0][0], self._reference.shape)]
            y, x, self.channel, self.held = self.pair.how.place(index)
            self.cursor = (y, x)

    @property
    def allowed(self) -> float:
        """The largest difference that the tolerance allows; 0 where no tolerance is known.

        Relative to the whole reference, or to this channel's as long as the whole has not been read.
        """
        if self._scan and self._scan.finished:
            return self.tolerance * self._scan.top
        values, _ = self.pair.ranges(self.channel, self.held, Look())
        return self.tolerance * max(map(abs, values))

    @property
    def _look(self) -> Look:
        return Look(self.kind, self.log, self.clip)

    # ---- the whole tensor, read once

    def _begin_scan(self) -> None:
        self._stop.set()
        self._stop, self._scan = threading.Event(), None
        engine = self.pair.compared
        if engine is None:
            return
        steps = scan(engine, self.pair.reference, self.pair.how)
        if self._reference.size <= AT_ONCE:
            for self._scan in steps:
                pass
            self._send_channels()
            return
        self._thread = threading.Thread(target=self._scan_on, args=(steps, self._stop), daemon=True)
        self._thread.start()

    def _scan_on(self, steps: Any, stop: threading.Event) -> None:
        with self.telling():
            last = 0.0
            for found in steps:
                if stop.is_set():
                    return
                self._scan = found
                if found.finished or time.monotonic() - last > REPORT_EVERY:
                    last = time.monotonic()
                    self._send_channels()
            self.do_details()

    def _send_channels(self) -> None:
        """The error of every channel, for the bars at the slider."""
        if self._scan and self.pixels:
            said = {"kind": "channels", "done": self._scan.done / self._scan.total, "allowed": self.allowed}
            self.send(said, [np.minimum(self._scan.channels, 3e38).astype(np.float32).tobytes()])

    # ---- messages from the browser

    def frame(self, channel: int | None = None) -> Message:
        """The picture of the channel shown, or of another one."""
        channel = self.channel if channel is None else channel
        maps, buffers = pack(self.pair.maps(channel, self.held, self._look), self.window, self.pixels, self.log)
        said = {
            "maps": maps,
            "channel": channel,
            "allowed": self.allowed,
            "compared": self.pair.compared is not None,
        }
        return said, buffers

    def do_hello(self, pixels: int) -> None:
        super().do_hello(pixels)
        self._send_channels()

    def do_probe(self, y: int, x: int) -> None:
        """The exact values at a place of the picture, with the tensor's own index."""
        how = self.pair.how
        y, x = max(0, min(int(y), how.height - 1)), max(0, min(int(x), how.width - 1))
        index = how.index(y, x, self.channel, self.held)
        r = self.pair.reference[index]
        said = {"kind": "value", "y": y, "x": x, "index": ",".join(map(str, index)), "reference": number(r)}
        if self.pair.compared is not None:
            e = self.pair.compared[index]
            d = float(difference(np.asarray(e), np.asarray(r)))
            said |= {"engine": number(e), "diff": number(np.float32(d)), "times": times(d, self.allowed)}
        self.send(said)

    def do_details(self) -> None:
        """What stands below the maps; asked for when the slider rests."""
        if not self.pixels:
            return
        r, x = self.pair.planes(self.channel, self.held)
        engine = self.pair.compared
        if x is None or engine is None:
            self.send({"kind": "details"})
            return
        how, allowed = self.pair.how, self.allowed
        whole = self._scan if self.scope == "tensor" else None
        found = whole or plane_scan(x, r, how.offsets(self.channel, self.held))
        e = short(self._scan.error) if self._scan and self._scan.finished else "…"
        facts = [("max e", e), ("tolerance", short(self.tolerance) if self.tolerance else "none")]
        self.send(
            {
                "kind": "details",
                "facts": [*facts, *plane_facts(x, r, str(self._reference.dtype))],
                "histogram": histogram(difference(x, r), allowed),
                "listing": listing(found.maxima, engine, self.pair.reference),
                "worst": worst_rows(found.worst, engine, self.pair.reference, how, allowed),
            }
        )

    def do_ahead(self) -> None:
        """The pictures of the channels on either side: the next step is then drawn without waiting for the kernel."""
        if self.pixels:
            for channel in (self.channel + 1, self.channel - 1):
                if 0 <= channel < self.pair.how.channels:
                    content, buffers = self.frame(channel)
                    self.send({**content, "kind": "ahead"}, buffers)

    def do_go(self, index: Sequence[int]) -> None:
        self.go_to(index)

    def do_png(self) -> None:
        self.send_file(f"{self._stem}.png", self.static_png(), "image/png")

    def do_npy(self) -> None:
        self.send_file(f"{self._stem}.npy", self._npy(), "application/octet-stream")

    # ---- files

    @property
    def _stem(self) -> str:
        kept = "".join(c if c.isalnum() or c in "._-" else "_" for c in self.title or "tensor")
        return f"{kept}.{self.channel}"

    def _npy(self) -> bytes:
        """Reference, engine and signed difference of the channel shown, as one array [3, height, width]."""
        r, x = self.pair.planes(self.channel, self.held)
        d = self.pair.difference(self.channel, self.held, "signed")
        out = io.BytesIO()
        np.save(out, np.stack([p for p in (r, x, d) if p is not None]) if d is not None else r, allow_pickle=False)
        return out.getvalue()

    def save_png(self, path: str | Path) -> Path:
        """Write the picture of the channel shown; atomically."""
        return write_atomically(path, lambda file: file.write(self.static_png()))

    def save_npy(self, path: str | Path) -> Path:
        """Write reference, engine and difference of the channel shown as one array [3, height, width]; atomically."""
        return write_atomically(path, lambda file: file.write(self._npy()))

    # ---- the static form

    def static_png(self) -> bytes:
        maps = self.pair.maps(self.channel, self.held, self._look)
        return maps_png(maps, [self.reference_name, self.engine_name, f"difference, {self.kind}"], self.log)

    def static_html(self) -> str:
        r, x = self.pair.planes(self.channel, self.held)
        facts = [("shape", self.shape), ("channel", f"{self.channel} of {self.pair.how.channels}")]
        if x is not None and self.pair.compared is not None:
            facts += [("tolerance", short(self.tolerance)), *plane_facts(x, r, str(self._reference.dtype))]
        return figure_html(self.title or "tensor", self.static_png(), facts, self.note)

    def __repr__(self) -> str:
        return f"TensorView({self.shape}, shown as {self.pair.how.label}, channel={self.channel})"
