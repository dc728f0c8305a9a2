"""One pass over two whole tensors in slabs of bounded size: errors by channel, the worst elements, the listing.

Tensors of several GB, mapped from a file, are read once from front to back; nothing of their size is allocated.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from workbench.compare.verdict import FLOOR
from workbench.ui.arrangement import Arrangement, Shape
from workbench.ui.difference import as_float, difference

SLAB = 1 << 20  # elements: a few MB that stay in the processor's cache, some 10 ms
WORST = 9
LISTED = 400  # running maxima kept; a porter reads the first and the last


@dataclass
class Scan:
    """What is known of two tensors after `done` of `total` elements. Differences of NaN and Inf count as infinite."""

    channels: np.ndarray  # largest |x - r| of each channel
    total: int
    done: int = 0
    top: float = 0.0  # largest finite |r|
    maxima: list[tuple[int, float]] = field(default_factory=list)  # (flat index, |x - r|) above all before it
    worst: list[tuple[int, float]] = field(default_factory=list)  # the largest first
    not_finite: tuple[int, int] = (0, 0)  # elements of the reference, of the engine

    @property
    def finished(self) -> bool:
        return self.done >= self.total

    @property
    def largest(self) -> float:
        """The largest |x - r| so far."""
        return float(self.channels.max(initial=0.0))

    @property
    def error(self) -> float:
        """The published error of the tensor as one part (workbench.compare.verdict)."""
        return self.largest / max(self.top, FLOOR)

    def take(self, r: np.ndarray, d: np.ndarray, start: int) -> None:
        """Take in a slab's reference and |x - r| from flat index `start` on."""
        flat = d.ravel()
        size = np.abs(r)
        peak = float(size.max(initial=0.0))
        self.top = max(self.top, peak if math.isfinite(peak) else float(size[np.isfinite(size)].max(initial=0.0)))
        largest = float(flat.max(initial=0.0))
        before = self.maxima[-1][1] if self.maxima else -1.0
        if largest > before:
            reached = np.maximum.accumulate(flat)
            new = np.flatnonzero(flat > np.append(before, np.maximum(reached[:-1], before)))
            self.maxima += [(start + int(i), float(flat[i])) for i in new]
            self.maxima = self.maxima if len(self.maxima) <= LISTED else self.maxima[:2] + self.maxima[2 - LISTED :]
        if largest > (self.worst[-1][1] if len(self.worst) == WORST else 0.0):
            some = np.argpartition(flat, -WORST)[-WORST:] if flat.size > WORST else np.arange(flat.size)
            found = [(start + int(i), float(flat[i])) for i in some if flat[i] > 0]
            self.worst = sorted([*self.worst, *found], key=lambda w: (-w[1], w[0]))[:WORST]


def scan(x: np.ndarray, r: np.ndarray, arrangement: Arrangement) -> Iterator[Scan]:
    """The same Scan, after each slab, of an engine's tensor x and a reference r of one shape."""
    split_x, split_r = arrangement.split(x), arrangement.split(r)
    sizes = split_r.shape
    channel = arrangement.channel
    errors = np.zeros([sizes[p] for p in channel])
    result = Scan(errors.reshape(-1), r.size)
    for at, start in slabs(sizes):
        a, b = as_float(split_x[at]), as_float(split_r[at])
        d = np.nan_to_num(difference(a, b, "abs"), nan=np.inf, posinf=np.inf)
        others = tuple(i for i in range(d.ndim) if i not in channel)
        place = tuple(at[p] if p < len(at) else slice(None) for p in channel)
        errors[place] = np.maximum(errors[place], d.max(axis=others).reshape(errors[place].shape))
        result.take(b, d, start)
        bad = [int(np.count_nonzero(~np.isfinite(t))) for t in (b, a)]
        result.not_finite = (result.not_finite[0] + bad[0], result.not_finite[1] + bad[1])
        result.done += d.size
        yield result


def slabs(sizes: Shape, limit: int = SLAB) -> Iterator[tuple[tuple[slice, ...], int]]:
    """Slices over the leading axes that cut a C-ordered tensor into slabs of at most about `limit` elements, in order,
    and the flat index at which each begins."""
    rest = [math.prod(sizes[i + 1 :]) for i in range(len(sizes))]
    axis = next(i for i in range(len(sizes)) if rest[i] <= limit)
    step = max(1, limit // max(1, rest[axis]))
    for lead in np.ndindex(*sizes[:axis]):
        first = sum(i * rest[a] for a, i in enumerate(lead))
        for s in range(0, sizes[axis], step):
            yield (*(slice(i, i + 1) for i in lead), slice(s, s + step)), first + s * rest[axis]
