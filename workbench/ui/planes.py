"""One channel of a reference and of an engine as a browser gets it: three small maps of codes, and their values."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from workbench.errors import WorkbenchError
from workbench.ui.arrangement import Arrangement, arrange
from workbench.ui.difference import as_float, difference
from workbench.ui.resample import Range, block, codes, limits, reduce_mean, reduce_peak
from workbench.ui.transposed import Order

VALUES_UP_TO = 512 * 512  # elements whose exact float32 go along; above, the browser asks for the one it points at
Window = tuple[float, float, float, float]  # top, left, bottom, right as parts of the plane
WHOLE: Window = (0.0, 0.0, 1.0, 1.0)


class Look(NamedTuple):
    """How maps are coloured: the difference's kind, a log scale, the percent clipped off at either end."""

    kind: str = "signed"
    log: bool = False
    clip: float = 0.0


@dataclass
class Pair:
    """A reference, and an engine's tensor where there is one, laid out alike.

    An engine's tensor of another shape is laid out as its own shape allows, and then has no difference.
    """

    reference: np.ndarray
    engine: np.ndarray | None
    how: Arrangement
    _kept: dict[Any, Any] = field(default_factory=dict, repr=False)

    @property
    def compared(self) -> np.ndarray | None:
        """The engine's tensor where it can be compared: where its shape is the reference's."""
        return None if self.engine is None or self.engine.shape != self.reference.shape else self.engine

    def planes(self, channel: int, held: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray | None]:
        """The reference's and the engine's [height, width] of that channel; the last one is kept."""
        key = ("planes", channel, held)
        if key not in self._kept:
            self._kept.clear()
            r, x = self.how.plane(self.reference, channel, held), None
            if self.compared is not None:
                x = self.how.plane(self.compared, channel, held)
            elif self.engine is not None:
                own = _own(self.engine.shape, self.how.name)
                x = own.plane(self.engine, min(channel, own.channels - 1), [0] * len(own.held_sizes))
            self._kept[key] = (_dense(r), None if x is None else _dense(x))
        return self._kept[key]

    def difference(self, channel: int, held: tuple[int, ...], kind: str) -> np.ndarray | None:
        """Their difference of that kind, where the shapes agree."""
        r, x = self.planes(channel, held)
        if x is None or self.compared is None:
            return None
        key = ("difference", channel, held, kind)
        if key not in self._kept:
            self._kept[key] = difference(x, r, kind)
        return self._kept[key]

    def ranges(self, channel: int, held: tuple[int, ...], look: Look) -> tuple[Range, Range]:
        """What the ends of the colours stand for: of the values (both sides alike) and of the difference."""
        key = ("ranges", channel, held, look)
        if key not in self._kept:
            values = limits([p for p in self.planes(channel, held) if p is not None], look.clip)
            d = self.difference(channel, held, look.kind)
            most = 0.0 if d is None else max(map(abs, limits([np.abs(d)], look.clip)))
            self._kept[key] = (values, Range(-most, most))
        return self._kept[key]

    def maps(self, channel: int, held: tuple[int, ...], look: Look) -> list[tuple[np.ndarray, Range]]:
        """The planes to be shown with their colour ranges: reference, engine, difference, as far as there are any."""
        values, most = self.ranges(channel, held, look)
        shown = [(p, values) for p in self.planes(channel, held) if p is not None]
        d = self.difference(channel, held, look.kind)
        return shown if d is None else [*shown, (d, most)]


def numbers(tensor: Any, what: str) -> np.ndarray:
    """An array that can be shown. Raises WorkbenchError for what holds no real numbers, or none at all."""
    x = np.asarray(tensor) if not isinstance(tensor, np.ndarray) else tensor
    if x.dtype.kind not in "fiub" or x.size == 0:
        raise WorkbenchError(
            f"{what} holds {'no elements' if x.size == 0 else x.dtype}, which cannot be shown",
            note="give an array of real numbers with at least one element",
        )
    return np.atleast_1d(x.astype(np.uint8) if x.dtype.kind == "b" else x)


def shape_note(reference: np.ndarray, engine: np.ndarray | None, order: Order | None) -> str:
    """What is said above the maps where the two cannot be compared as they are."""
    if order:
        return order.said
    if engine is None or engine.shape == reference.shape:
        return ""
    shapes = [",".join(map(str, t.shape)) for t in (reference, engine)]
    return f"shapes differ: expected {shapes[0]}, as the original has it; got {shapes[1]}"


def _own(shape: tuple[int, ...], name: str) -> Arrangement:
    try:
        return arrange(shape, name)
    except WorkbenchError:
        return arrange(shape)


def _dense(plane: np.ndarray) -> np.ndarray:
    """In memory and in C order: a channel of an NHWC tensor, or of a file, is gathered only once."""
    return as_float(np.ascontiguousarray(plane))


def pack(maps: list[tuple[np.ndarray, Range]], window: Window, pixels: int, log: bool) -> tuple[list[Any], list[bytes]]:
    """The window of each map in as many codes as `pixels` can show, and what to say of each.

    The third map's blocks keep their largest magnitude, the others' their mean. Where few elements are in the window,
    the float32 values of the first two follow.
    """
    said: list[Any] = []
    buffers = []
    for i, (plane, scale) in enumerate(maps):
        y0, x0, y1, x1, k = _part(plane.shape, window, pixels)
        with np.errstate(invalid="ignore", over="ignore"):
            grid = (reduce_peak if i == 2 else reduce_mean)(plane[y0:y1, x0:x1], k)
        bad = int(plane.size - np.count_nonzero(np.isfinite(plane)))
        said.append(
            {
                "size": plane.shape,
                "part": (y0, x0, y1, x1),
                "grid": grid.shape,
                "low": scale.low,
                "high": scale.high,
                "bad": bad,
            }
        )
        buffers.append(codes(grid, scale, log).tobytes())
    if all((e["part"][2] - e["part"][0]) * (e["part"][3] - e["part"][1]) <= VALUES_UP_TO for e in said[:2]):
        for entry, (plane, _) in zip(said[:2], maps[:2], strict=False):
            y0, x0, y1, x1 = entry["part"]
            entry["values"] = True
            buffers.append(plane[y0:y1, x0:x1].astype(np.float32).tobytes())
    return said, buffers


def _part(shape: tuple[int, ...], window: Window, pixels: int) -> tuple[int, int, int, int, int]:
    """The window in whole elements and the side of the blocks it is reduced by, which it is a multiple of."""
    height, width = shape
    y0, x0 = math.floor(window[0] * height), math.floor(window[1] * width)
    y1, x1 = math.ceil(window[2] * height), math.ceil(window[3] * width)
    k = block(y1 - y0, x1 - x0, pixels)
    return y0 // k * k, x0 // k * k, min(height, -(-y1 // k) * k), min(width, -(-x1 // k) * k), k
