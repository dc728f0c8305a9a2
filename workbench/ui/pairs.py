"""Which finds of a reference and of an engine belong together, and where in the picture the two agree."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from workbench.errors import WorkbenchError
from workbench.ports.common.boxes import iou as box_iou
from workbench.ui.found import Found

ALIKE = 0.1  # two finds overlap at least so much to be the same one
ALL = -1  # every pair at once
BOTH, ONLY_REFERENCE, ONLY_ENGINE, OTHER = 1, 2, 3, 4  # of a pixel; OTHER: both have it, in different pairs


@dataclass(frozen=True)
class Match:
    """A find of the reference and the engine's find of the same thing; None where one side has none."""

    reference: int | None
    engine: int | None
    iou: float


def match(reference: Found, engine: Found) -> list[Match]:
    """Pairs in the reference's order, then what only the engine found.

    By key where both have keys; by overlap of the boxes, the largest first and within one class, where both have
    boxes; else the first with the first.
    """
    if reference.keys is not None and engine.keys is not None:
        place = {int(k): i for i, k in enumerate(engine.keys)}
        pairs = {i: place[int(k)] for i, k in enumerate(reference.keys) if int(k) in place}
    elif reference.boxes is not None and engine.boxes is not None:
        pairs = dict(_by_overlap(reference, engine))
    else:
        pairs = {i: i for i in range(min(len(reference), len(engine)))}
    both = {i: Match(i, j, overlap(reference, i, engine, j)) for i, j in pairs.items()}
    told = [both.get(i, Match(i, None, 0.0)) for i in range(len(reference))]
    return told + [Match(None, j, 0.0) for j in range(len(engine)) if j not in pairs.values()]


def _by_overlap(reference: Found, engine: Found) -> Iterator[tuple[int, int]]:
    assert reference.boxes is not None and engine.boxes is not None
    table = np.array([box_iou(b, engine.boxes) for b in reference.boxes]).reshape(len(reference), len(engine))
    if reference.classes is not None and engine.classes is not None:
        table = np.where(reference.classes[:, None] == engine.classes[None], table, 0)
    while table.size and table.max() >= ALIKE:
        i, j = (int(k) for k in np.unravel_index(int(table.argmax()), table.shape))
        yield i, j
        table[i], table[:, j] = 0, 0


def overlap(reference: Found, i: int, engine: Found, j: int) -> float:
    """Intersection over union of two finds' masks, else of their boxes; NaN where they have neither."""
    a, b = reference.mask(i), engine.mask(j)
    if a is not None and b is not None:
        return mask_iou(a, b)
    return boxes_iou(reference, i, engine, j)


def boxes_iou(reference: Found, i: int, engine: Found, j: int) -> float:
    if reference.boxes is None or engine.boxes is None:
        return float("nan")
    return float(box_iou(reference.boxes[i], engine.boxes[j : j + 1])[0])


def mask_iou(a: np.ndarray, b: np.ndarray) -> float:
    """1 where both are empty."""
    union = int(np.count_nonzero(a | b))
    return int(np.count_nonzero(a & b)) / union if union else 1.0


class Pairs:
    """Two sides' finds in one picture. Raises WorkbenchError where their masks lie on different grids."""

    def __init__(self, reference: Found, engine: Found) -> None:
        grids = [found.grid for found in (reference, engine)]
        if None not in grids and grids[0] != grids[1]:
            raise WorkbenchError(
                f"expected the engine's masks on the reference's grid, {grids[0]}; got {grids[1]} (height, width)"
            )
        self.reference, self.engine = reference, engine
        self.grid = grids[0] or grids[1]
        self.matches = match(reference, engine)

    @property
    def sides(self) -> tuple[tuple[Found, list[int | None]], ...]:
        """Each side with the number of its find in every pair."""
        return (self.reference, [m.reference for m in self.matches]), (self.engine, [m.engine for m in self.matches])

    def mask(self, side: int, pair: int) -> np.ndarray:
        """bool [h, w] of a pair's find on a side; empty where it has none."""
        found, numbers = self.sides[side]
        number = numbers[pair]
        mask = None if number is None else found.mask(number)
        return np.zeros(self.grid or (1, 1), bool) if mask is None else mask

    def owners(self, pair: int = ALL) -> tuple[np.ndarray, np.ndarray]:
        """For each side u16 [h, w]: 1 + the pair that has the pixel (the first of several), 0 where none has."""
        if pair != ALL:
            a, b = ((self.mask(side, pair) * (pair + 1)).astype(np.uint16) for side in (0, 1))
            return a, b
        return self._all_owners

    @cached_property
    def _all_owners(self) -> tuple[np.ndarray, np.ndarray]:
        planes = np.zeros((2, *(self.grid or (1, 1))), np.uint16)
        for side, plane in enumerate(planes):
            for pair in reversed(range(len(self.matches))):
                plane[self.mask(side, pair)] = pair + 1
        return planes[0], planes[1]


def agreement(reference: np.ndarray, engine: np.ndarray) -> np.ndarray:
    """u8 [h, w] of two owner maps: 0, BOTH, ONLY_REFERENCE, ONLY_ENGINE or OTHER."""
    codes = np.where(reference > 0, ONLY_REFERENCE, 0).astype(np.uint8)
    codes[engine > 0] = OTHER
    codes[(engine > 0) & (reference == 0)] = ONLY_ENGINE
    codes[(reference > 0) & (reference == engine)] = BOTH
    return codes
