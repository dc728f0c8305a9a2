"""Where two masks disagree: flipped pixels, how far the edge moved, and the regions they form, the largest first."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

STEPS = 64  # an edge that moved further is told as more than that
NEAR = 0.5  # a logit's distance from the threshold, within which a flip is no surprise


class Region(NamedTuple):
    """Connected pixels that one side alone has, and the corner pixels of their box."""

    side: str  # "reference" or "engine": the one that alone has them
    pixels: int
    y0: int
    x0: int
    y1: int
    x1: int


def regions(reference: np.ndarray, engine: np.ndarray) -> list[Region]:
    """The regions of pixels that only one of two bool masks has, 4-connected, the largest first."""
    found = []
    for side, mask in (("reference", reference & ~engine), ("engine", engine & ~reference)):
        found += [Region(side, *numbers) for numbers in components(mask)]
    return sorted(found, key=lambda r: -r.pixels)


def components(mask: np.ndarray) -> list[tuple[int, int, int, int, int]]:
    """(pixels, y0, x0, y1, x1) of each 4-connected component; joined run by run, so that large ones cost little."""
    rows, starts, ends = _runs(mask)
    parent = list(range(len(rows)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    above = 0
    for i in range(len(rows)):
        while rows[above] < rows[i] - 1 or (rows[above] == rows[i] - 1 and ends[above] <= starts[i]):
            above += 1
        k = above
        while k < i and rows[k] == rows[i] - 1 and starts[k] < ends[i]:
            parent[root(k)] = root(i)
            k += 1
    boxes: dict[int, list[int]] = {}
    for i, (y, a, b) in enumerate(zip(rows, starts, ends, strict=True)):
        box = boxes.setdefault(root(i), [0, y, a, y, b - 1])
        box[:] = [box[0] + b - a, min(box[1], y), min(box[2], a), max(box[3], y), max(box[4], b - 1)]
    return [(box[0], box[1], box[2], box[3], box[4]) for box in boxes.values()]


def _runs(mask: np.ndarray) -> tuple[list[int], list[int], list[int]]:
    """Row, first and end column of every run of true pixels, from top left."""
    edges = np.diff(np.pad(mask.astype(np.int8), ((0, 0), (1, 1))), axis=1)
    rows, starts = np.nonzero(edges == 1)
    return rows.tolist(), starts.tolist(), np.nonzero(edges == -1)[1].tolist()


def edge_moved(reference: np.ndarray, engine: np.ndarray) -> int:
    """How many pixels (in steps to a neighbour) a flipped pixel lies from the other side's mask, at most.

    STEPS + 1 where it is more, or where the other side has no mask at all.
    """
    most = 0
    for mask, strange in ((reference, engine & ~reference), (engine, reference & ~engine)):
        if not strange.any():
            continue
        ys, xs = (np.flatnonzero(strange.any(axis)) for axis in (1, 0))
        near = (slice(max(0, ys[0] - STEPS), ys[-1] + STEPS + 1), slice(max(0, xs[0] - STEPS), xs[-1] + STEPS + 1))
        grown, left, steps = mask[near].copy(), strange[near], 0
        while steps <= STEPS and (left & ~grown).any():
            wider = grown.copy()
            wider[1:] |= grown[:-1]
            wider[:-1] |= grown[1:]
            wider[:, 1:] |= grown[:, :-1]
            wider[:, :-1] |= grown[:, 1:]
            grown, steps = wider, steps + 1
        most = max(most, steps)
    return most


def margins(reference_logits: np.ndarray, flipped: np.ndarray, bins: int = 28, top: float = 5.0) -> dict[str, object]:
    """How far the reference's logits of the flipped pixels lie from the threshold 0: a histogram, and the near part."""
    size = np.abs(reference_logits[flipped].astype(np.float64))
    counts = np.histogram(np.minimum(size, top * (1 - 1e-9)), bins=bins, range=(0, top))[0]
    near = int(np.count_nonzero(size < NEAR))
    return {"counts": counts.tolist(), "top": top, "near": NEAR, "part": near / max(1, size.size)}
