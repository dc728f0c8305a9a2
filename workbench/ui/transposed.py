"""Notices data in another order of axes: "matches if H and W are swapped", "matches if read as NHWC"."""

from __future__ import annotations

import itertools
import math
from typing import NamedTuple

import numpy as np

SAMPLES, FIRST = 4096, 64  # places compared, and those looked at first
LARGE, FEW = 1 << 28, 512  # of a tensor of so many elements fewer: each place is a page of a file to be read
ENOUGH = 1e-3  # of the range: a wrong order is off by the range itself, the right one may still carry another fault
LETTERS = {4: "NCHW", 2: "HW"}


class Order(NamedTuple):
    """Another order of an engine's axes: view(x) is x read in that way."""

    axes: tuple[int, ...]
    reread: bool  # the numbers lie in the other order though the shape says otherwise
    said: str

    def view(self, x: np.ndarray) -> np.ndarray:
        """The tensor with its axes put right; a view where its strides allow."""
        if not self.reread:
            return x.transpose(self.axes)
        back = tuple(int(i) for i in np.argsort(self.axes))
        return x.reshape([x.shape[a] for a in self.axes]).transpose(back)


def find_order(x: np.ndarray, r: np.ndarray) -> Order | None:
    """The order of x's axes in which it matches r, where it does not as it stands. Compared at random places."""
    if x.size != r.size or r.size < 4 or not 2 <= r.ndim <= 5 or x.ndim != r.ndim:
        return None
    places = np.random.default_rng(0).integers(0, r.size, min(FEW if r.size >= LARGE else SAMPLES, r.size))
    index = np.unravel_index(places, r.shape)
    want = np.asarray(r[index], np.float64)
    finite = want[np.isfinite(want)]
    if not finite.size or np.ptp(finite) == 0:  # constant data is alike in every order
        return None
    allowed = ENOUGH * float(np.abs(finite).max())

    def near(y: np.ndarray, count: int) -> bool:
        found = np.asarray(y[tuple(i[:count] for i in index)], np.float64)
        return bool((~(np.abs(found - want[:count]) > allowed)).all())

    def matches(y: np.ndarray) -> bool:
        return y.shape == r.shape and near(y, FIRST) and near(y, SAMPLES)

    if matches(x):
        return None
    for axes in itertools.permutations(range(r.ndim)):
        if axes == tuple(range(r.ndim)):
            continue
        for reread in (False, True):
            order = Order(axes, reread, _say(axes, reread, r.ndim))
            if reread and not _is_c_ordered(x):
                continue
            if matches(order.view(x)):
                return order
    return None


def _is_c_ordered(x: np.ndarray) -> bool:
    return x.flags.c_contiguous or math.prod(x.shape) <= 1


def _say(axes: tuple[int, ...], reread: bool, rank: int) -> str:
    letters = LETTERS.get(rank)
    if reread:
        read = "".join(letters[a] for a in axes) if letters else "axes " + ",".join(map(str, axes))
        return f"matches if read as {read}"
    moved = [a for a, b in enumerate(axes) if a != b]
    if len(moved) == 2:
        names = [letters[a] for a in moved] if letters else [f"axis {a}" for a in moved]
        return f"matches if {names[0]} and {names[1]} are swapped"
    return f"matches if its axes are put in the order {','.join(map(str, axes))}"
