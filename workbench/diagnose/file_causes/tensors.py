"""One tensor's values: rearranged, scaled, zeroed, or a single one wrong."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations

import numpy as np

from workbench.diagnose.file_causes.table import Claim, Compared, alike, file_cause, same


@file_cause("weights_zeroed", "a tensor of zeros")
def zeroed(c: Compared) -> Iterator[Claim]:
    if c.g.size == c.at.count and not c.g.any():
        yield Claim(f"{c.label} is not all zeros", c.at.count, c.at)


@file_cause("weights_value", "a single float that is another")
def value(c: Compared) -> Iterator[Claim]:
    apart = np.flatnonzero(~alike(c.g, c.w)) if c.g.size == c.w.size and c.g.any() else np.empty(0, int)
    if apart.size == 1:
        place = [int(i) for i in np.unravel_index(apart[0], c.at.shape)]
        text = f"{c.label} has {c.w[apart[0]]:.6g} at {place}, not {c.g[apart[0]]:.6g}"
        yield Claim(text, c.at.count, c.at)


@file_cause("weights_scaled", "a tensor times one factor")
def scaled(c: Compared) -> Iterator[Claim]:
    g, w = np.asarray(c.g, np.float64), np.asarray(c.w, np.float64)
    if g.size != w.size or w.size < 2 or not w.any() or not np.isfinite(g).all() or not g.any():
        return
    factor = float(np.dot(g, w)) / float(np.dot(w, w))
    if same(g, w * factor):
        yield Claim(f"{c.label} is divided by {factor:.6g}", c.at.count, c.at)


@file_cause("kernel_transposed", "a kernel's or matrix's axes in another order")
def transposed(c: Compared) -> Iterator[Claim]:
    kernel = _kernel(c)
    for order in permutations(range(kernel.ndim)):
        if order != tuple(range(kernel.ndim)) and same(c.g, kernel.transpose(order)):
            text = f"{c.label} is laid out as {list(kernel.shape)}, not with its axes in the order {order}"
            yield Claim(text, c.at.count, c.at)
            return


@file_cause("kernel_flipped", "a kernel mirrored along its last axes")
def flipped(c: Compared) -> Iterator[Claim]:
    kernel = _kernel(c)
    for axes in ((-1,), (-2,), (-2, -1)):
        if kernel.ndim > 1 and same(c.g, np.flip(kernel, axes)):
            yield Claim(f"{c.label} is mirrored along axes {axes}", c.at.count, c.at)
            return


def _kernel(c: Compared) -> np.ndarray:
    return c.w.reshape(c.at.shape)
