"""One block of memory for all tensors of a run: who lies where, from when to when each is needed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from workbench.engines.cuda.tensor import ALIGNMENT


class Life(NamedTuple):
    """Bytes, and the first and last step at which they are written or read."""

    nbytes: int
    first: int
    last: int

    def meets(self, other: Life) -> bool:
        return self.first <= other.last and other.first <= self.last


class Layout(NamedTuple):
    """Offsets in bytes, the arena's size, and what no layout can go below: the largest sum of bytes alive at once."""

    offsets: list[int]
    size: int
    bound: int


# Orders in which tensors find their places; none is best for every network, all are cheap.
ORDERS: tuple[Callable[[Life], tuple[int, ...]], ...] = (
    lambda t: (-t.nbytes, t.first),
    lambda t: (t.first - t.last, -t.nbytes),
    lambda t: (-t.nbytes * (t.last - t.first + 1), t.first),
    lambda t: (t.first, -t.nbytes),
)
ATTEMPTS = 50  # of moving forward whoever ended up highest


def arrange(lives: Sequence[Life]) -> Layout:
    """A layout in which no two tensors that are alive at once overlap; the best of several greedy ones."""
    bound = lower_bound(lives)
    best: tuple[int, list[int]] | None = None
    for rule in ORDERS:
        order = sorted(range(len(lives)), key=lambda i: rule(lives[i]))
        for _ in range(ATTEMPTS):
            size, offsets = _place(lives, order)
            if best is None or size < best[0]:
                best = size, offsets
            if best[0] <= bound:
                return Layout(best[1], best[0], bound)
            highest = max(order, key=lambda i: offsets[i] + lives[i].nbytes)
            at = order.index(highest)
            if at == 0:
                break
            order.insert(at // 2, order.pop(at))
    size, offsets = best or (0, [])
    return Layout(offsets, size, bound)


def lower_bound(lives: Sequence[Life]) -> int:
    """The largest sum of bytes alive at one step."""
    change: dict[int, int] = {}
    for nbytes, first, last in lives:
        change[first] = change.get(first, 0) + nbytes
        change[last + 1] = change.get(last + 1, 0) - nbytes
    most = alive = 0
    for step in sorted(change):
        alive += change[step]
        most = max(most, alive)
    return most


def _place(lives: Sequence[Life], order: Sequence[int]) -> tuple[int, list[int]]:
    """Each in turn at the lowest gap between those it meets."""
    offsets, size = [0] * len(lives), 0
    placed: list[int] = []
    for i in order:
        at = 0
        for low, high in sorted((offsets[j], offsets[j] + lives[j].nbytes) for j in placed if lives[j].meets(lives[i])):
            if at + lives[i].nbytes <= low:
                break
            at = max(at, -(-high // ALIGNMENT) * ALIGNMENT)
        offsets[i] = at
        placed.append(i)
        size = max(size, at + lives[i].nbytes)
    return size, offsets
