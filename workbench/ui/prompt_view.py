"""Clicks, boxes and their masks: a segmenter that is asked on the picture itself."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import traitlets

from workbench.errors import WorkbenchError
from workbench.pipelines.segment_anything import Prompt, Segments
from workbench.ports.common.pictures import Picture
from workbench.progress import Progress
from workbench.ui.colormaps import labels
from workbench.ui.frames import FrameView, Message
from workbench.ui.mask_picture import prompts_png
from workbench.ui.picture import picture_bytes, picture_of
from workbench.ui.planes import WHOLE
from workbench.ui.prompts import Asked, Asking
from workbench.ui.resample import block
from workbench.ui.static import figure_html
from workbench.ui.worker import Busy, Worker

LONGEST = 1536  # elements of the map of masks that goes to the browser
SMALL = 160  # of the small pictures of several masks to choose from


class Segmenter(Protocol):
    """workbench.pipelines.segment_anything.SegmentAnything, or what answers like it."""

    def set_picture(self, image: np.ndarray) -> None: ...

    def predict_all(self, prompts: list[Prompt], *, multimask: bool = True) -> Segments: ...


class PromptView(FrameView):
    """PromptView(segmenter, picture): click a point or drag a box, and see the mask.

    A picture is a PIL picture, a path, or u8 [h, w, 3]. It is encoded once, by a thread, when the view is first seen
    or asked; every prompt after that costs a decoder's run.

    multimask     three masks for an object, of which one is chosen, or one
    tool          what a click is: object, background or box
    draw, opacity, window, cursor    as in MaskView
    note          what must be known of the masks, such as that the weights are not trained
    `point`, `box`, `another`, `undo`, `clear` do from Python what the pointer does; `wait()` until the masks are there;
    `segments` holds them all, `masks` the chosen one of every object, `prompts` what was asked.
    """

    SCRIPT = "prompt_view.js"
    STYLES = ("prompt_view.css",)

    title = traitlets.Unicode().tag(sync=True)
    note = traitlets.Unicode().tag(sync=True)
    size = traitlets.Tuple((1, 1)).tag(sync=True)
    tool = traitlets.Enum(("object", "background", "box"), "object").tag(sync=True)
    multimask = traitlets.Bool(True).tag(sync=True)
    draw = traitlets.Enum(("fill", "outline", "both"), "both").tag(sync=True)
    opacity = traitlets.Float(0.55, min=0.0, max=1.0).tag(sync=True)
    cursor = traitlets.Tuple((0, 0)).tag(sync=True)
    window = traitlets.Tuple(WHOLE).tag(sync=True)
    objects: Any = traitlets.List().tag(sync=True)
    active = traitlets.Int(0).tag(sync=True)
    busy = traitlets.Unicode().tag(sync=True)
    told = traitlets.Unicode().tag(sync=True)  # how long the last answer took

    def __init__(self, segmenter: Segmenter, picture: Picture | str | Path, **traits: Any) -> None:
        self.picture = picture_of(picture)
        super().__init__(**{"cursor": (self.picture.shape[0] // 2, self.picture.shape[1] // 2), **traits})
        self.size = self.picture.shape[:2]
        self._segmenter, self._encoded = segmenter, False
        self._asking = Asking(self.size)
        self._answers: dict[Any, Segments] = {}  # by what was asked, so that only a changed object is decoded
        self._worker = Worker(self._report, self.telling)
        self._mirror()
        self.react(self._ask, "multimask")

    # ---- from Python

    def point(self, x: float, y: float, label: int = 1) -> None:
        """A point of the active object (label 1) or of the background (0), in the picture's pixels."""
        self._do(lambda: self._asking.point(x, y, label))

    def box(self, x0: float, y0: float, x1: float, y1: float) -> None:
        """A box around the active object, in the picture's pixels."""
        self._do(lambda: self._asking.around(x0, y0, x1, y1))

    def another(self) -> None:
        """The next prompts are for a new object."""
        self._do(self._asking.another)

    def undo(self) -> None:
        self._do(self._asking.undo)

    def clear(self) -> None:
        self._do(self._asking.clear)

    def wait(self, seconds: float | None = None) -> None:
        """Until the masks of all that was asked are there, or an error is told."""
        self._worker.wait(seconds)

    @property
    def prompts(self) -> list[Prompt]:
        """Of every object that has any."""
        return [asked.prompt for asked in self._asking.objects if asked]

    @property
    def segments(self) -> Segments | None:
        """The segmenter's answers for `prompts`; None before there are any."""
        found = [answer for asked in self._asking.objects if asked and (answer := self._answer(asked)) is not None]
        return Segments(*(np.concatenate(parts) for parts in zip(*found, strict=True))) if found else None

    @property
    def masks(self) -> np.ndarray:
        """bool [n, h, w]: the chosen mask of every object that has an answer."""
        chosen = [self._mask(asked) for asked in self._asking.objects]
        return np.array([m for m in chosen if m is not None], bool).reshape(-1, *self.size)

    # ---- asking

    def _do(self, change: Any) -> None:
        with self.lock:
            change()
            self.error = ""
            self._mirror()
            self._ask()

    def _mirror(self) -> None:
        with self.hold_sync():
            self.objects = [asked.plain() for asked in self._asking.objects]
            self.active = self._asking.active

    def _ask(self) -> None:
        """Have the worker answer what has no answer yet; show what there is at once."""
        self.push()
        if any(asked and self._answer(asked) is None for asked in self._asking.objects):
            self._worker.submit("masks", self._predict)

    def _encode(self, _: Progress) -> None:
        if not self._encoded:
            start = time.perf_counter()
            self._segmenter.set_picture(self.picture)
            with self.lock:
                self._encoded, self.told = True, f"the picture was encoded in {time.perf_counter() - start:.2f} s"

    def _predict(self, progress: Progress) -> None:
        self._encode(progress)
        with self.lock:
            multimask = self.multimask
            asked = [a for a in self._asking.objects if a and self._answer(a) is None]
        if not asked:
            return
        start = time.perf_counter()
        found = self._segmenter.predict_all([a.prompt for a in asked], multimask=multimask)
        took = (time.perf_counter() - start) * 1000
        with self.lock:
            kept = {self._key(a): answer for a in self._asking.objects if (answer := self._answer(a)) is not None}
            news = [Segments(*(part[i : i + 1] for part in found)) for i in range(len(asked))]
            self._answers = {**kept, **{(multimask, a.key): one for a, one in zip(asked, news, strict=True)}}
            self.told = f"{len(asked)} {'object' if len(asked) == 1 else 'objects'} in {took:.0f} ms"
            self.push()

    def _key(self, asked: Asked) -> Any:
        return self.multimask, asked.key

    def _answer(self, asked: Asked) -> Segments | None:
        return self._answers.get(self._key(asked))

    def _picked(self, asked: Asked, answer: Segments) -> int:
        return int(answer.scores[0].argmax()) if asked.picked is None else min(asked.picked, answer.scores.shape[1] - 1)

    def _mask(self, asked: Asked) -> np.ndarray | None:
        answer = self._answer(asked)
        return None if answer is None or not asked else answer.enlarged[0, self._picked(asked, answer)] > 0

    def _report(self, busy: Busy) -> None:
        titles = {"masks": "looking for masks" if self._encoded else "encoding the picture"}
        with self.lock:
            self.busy = titles.get(busy.title, busy.title)

    # ---- messages from the browser

    def frame(self) -> Message:
        """The object of every pixel, u16 from top left, the active one above; then the active one's masks, u8."""
        k = block(self.size[0], self.size[1], LONGEST)
        owners = np.zeros([-(-n // k) for n in self.size], np.uint16)
        order = [i for i in range(len(self._asking.objects)) if i != self._asking.active]
        for i in [*reversed(order), self._asking.active]:
            mask = self._mask(self._asking.objects[i])
            if mask is not None:
                owners[mask[::k, ::k]] = i + 1
        grid, small = self._choices()
        rows = [self._row(asked) for asked in self._asking.objects]
        said = {"grid": owners.shape, "rows": rows, "small": grid, "colours": labels(len(rows)).tolist()}
        return said, [owners.tobytes(), small.tobytes()]

    def _choices(self) -> tuple[tuple[int, ...], np.ndarray]:
        """The masks of the active object, u8 [m, h, w], small; their height and width."""
        answer = self._answer(self._asking.current) if self._asking.current else None
        if answer is None:
            return (0, 0), np.zeros(0, np.uint8)
        k = block(self.size[0], self.size[1], SMALL)
        masks = (answer.enlarged[0, :, ::k, ::k] > 0).astype(np.uint8)
        return masks.shape[1:], np.ascontiguousarray(masks)

    def _row(self, asked: Asked) -> dict[str, Any]:
        answer = self._answer(asked) if asked else None
        if answer is None:
            return {"scores": [], "picked": -1, "pixels": 0}
        picked = self._picked(asked, answer)
        pixels = int(np.count_nonzero(answer.enlarged[0, picked] > 0))
        return {"scores": answer.scores[0].astype(float).tolist(), "picked": picked, "pixels": pixels}

    def do_hello(self, pixels: int) -> None:
        """A browser shows the view: now the picture is worth encoding."""
        self.pixels = max(1, int(pixels))
        self.send({"kind": "picture"}, [picture_bytes(self.picture)])
        super().do_hello(pixels)
        if not self._encoded:
            self._worker.submit("encoding the picture", self._encode)

    def do_point(self, x: float, y: float, label: int) -> None:
        self.point(x, y, label)

    def do_remove(self, index: int) -> None:
        self._do(lambda: self._asking.remove_point(int(index)))

    def do_box(self, x0: float, y0: float, x1: float, y1: float) -> None:
        self.box(x0, y0, x1, y1)

    def do_no_box(self) -> None:
        self._do(self._asking.no_box)

    def do_pick(self, mask: int) -> None:
        self._do(lambda: self._asking.pick(int(mask)))

    def do_feed_back(self) -> None:
        """Give the chosen mask back as a prompt, or take it out."""
        current = self._asking.current
        answer = self._answer(current)
        if current.mask is not None:
            self._do(lambda: self._asking.feed_back(None))
        elif answer is None or not current:
            raise WorkbenchError("there is no mask yet to be given back", note="click a point or drag a box first")
        else:
            self._do(lambda: self._asking.feed_back(answer.logits[0, self._picked(current, answer)]))

    def do_another(self) -> None:
        self.another()

    def do_activate(self, index: int) -> None:
        self._do(lambda: self._asking.activate(int(index)))

    def do_drop(self, index: int) -> None:
        self._do(lambda: self._asking.drop(int(index)))

    def do_undo(self) -> None:
        self.undo()

    def do_clear(self) -> None:
        self.clear()

    # ---- the static form

    def static_png(self) -> bytes:
        """The picture with every object's mask and prompts."""
        asked = self._asking.objects
        return prompts_png(self.picture, [(self._mask(a), a.box, a.points) for a in asked], self.opacity)

    def static_html(self) -> str:
        facts = []
        for i, asked in enumerate(self._asking.objects):
            row = self._row(asked)
            if row["scores"]:
                scores = ", ".join(f"{s:.3f}" for s in row["scores"])
                facts.append((f"object {i}", f"expected IoU {scores}; {row['pixels']:,} pixels"))
        return figure_html(self.title or "prompts and masks", self.static_png(), facts, self.note)

    def __repr__(self) -> str:
        count = len(self.prompts)
        said = "1 object" if count == 1 else f"{count} objects"
        return f"PromptView({self.size[1]} × {self.size[0]}, {said})"
