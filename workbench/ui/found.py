"""What one side found in a picture (masks, boxes, key points), and which finds of two sides belong together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from workbench.errors import WorkbenchError
from workbench.ports.common.boxes import iou as box_iou

ALIKE = 0.1  # two finds overlap at least so much to be the same one


@dataclass(frozen=True)
class Found:
    """n finds; whatever is not known is None.

    masks    bool [n, h, w]              logits   float [n, h, w], above 0 where the mask is
    boxes    float [n, 4], x0 y0 x1 y1   scores   float [n]
    classes  int [n]                     points   float [n, k, 2 or 3], x y and perhaps a confidence
    keys     int [n]: finds of one key belong together, whatever they overlap (the classes of a label map)
    """

    masks: np.ndarray | None = None
    logits: np.ndarray | None = None
    boxes: np.ndarray | None = None
    scores: np.ndarray | None = None
    classes: np.ndarray | None = None
    points: np.ndarray | None = None
    keys: np.ndarray | None = None

    def __len__(self) -> int:
        return next((len(a) for a in (self.masks, self.boxes, self.points) if a is not None), 0)

    def of_class(self, i: int) -> int:
        return -1 if self.classes is None else int(self.classes[i])


def as_found(value: Any, size: tuple[int, int]) -> Found:
    """What a port or a model returned, for a picture of `size` (height, width).

    Taken are a Found; a label map [h, w] of integers; a mask [h, w] or masks [n, h, w] of bool, or of logits; and any
    result with `boxes`, and perhaps `scores`, `classes`, `masks` and `points`. Raises WorkbenchError for anything else.
    """
    if value is None or isinstance(value, Found):
        return _checked(value or Found(), size)
    if hasattr(value, "boxes"):
        names = ("masks", "boxes", "scores", "classes", "points")
        parts = {n: np.asarray(getattr(value, n)) for n in names if getattr(value, n, None) is not None}
        if "masks" in parts and parts["masks"].dtype.kind == "f":
            parts["masks"] = parts["masks"] > 0.5
        return _checked(Found(**parts), size)
    array = np.asarray(value)
    if array.dtype.kind in "iu" and array.ndim == 2:
        keys = np.array([k for k in np.unique(array) if k], int)
        return _checked(Found(masks=array == keys[:, None, None], classes=keys, keys=keys), size)
    if array.dtype.kind in "fb" and array.ndim in (2, 3):
        masks = array if array.ndim == 3 else array[None]
        return _checked(Found(masks > 0, logits=masks if masks.dtype.kind == "f" else None), size)
    raise WorkbenchError(
        f"expected masks, a label map, or a result with boxes; got {type(value).__name__} {array.dtype} {array.shape}",
        note="give a bool or float array [n, h, w], an integer array [h, w], or a workbench.ui.found.Found",
    )


def _checked(found: Found, size: tuple[int, int]) -> Found:
    if found.masks is not None and found.masks.shape[1:] != size:
        raise WorkbenchError(
            f"masks of {found.masks.shape[1:]} do not fit a picture of {size} (height, width)",
            note="bring the masks to the picture's size first, as the original's own postprocessing does",
        )
    return found


@dataclass(frozen=True)
class Match:
    """A find of the reference and the engine's find of the same thing; None where one side has none."""

    reference: int | None
    engine: int | None
    iou: float


def match(reference: Found, engine: Found) -> list[Match]:
    """Pairs in the reference's order, then what only the engine found.

    By key where both have keys; by overlap, the largest first and within one class, where both have boxes; else the
    first with the first. Overlap is that of the masks where there are any.
    """
    if reference.keys is not None and engine.keys is not None:
        place = {int(k): i for i, k in enumerate(engine.keys)}
        pairs = {i: place[int(k)] for i, k in enumerate(reference.keys) if int(k) in place}
    elif reference.boxes is not None and engine.boxes is not None:
        pairs = dict(_by_overlap(reference, engine))
    else:
        pairs = {i: i for i in range(min(len(reference), len(engine)))}
    both = [Match(i, j, overlap(reference, i, engine, j)) for i, j in sorted(pairs.items())]
    lost = [Match(i, None, 0.0) for i in range(len(reference)) if i not in pairs]
    new = [Match(None, j, 0.0) for j in range(len(engine)) if j not in pairs.values()]
    return sorted([*both, *lost], key=lambda m: m.reference or 0) + new


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
    """Intersection over union of two finds' masks, else boxes; 1 where both are empty."""
    if reference.masks is not None and engine.masks is not None:
        return mask_iou(reference.masks[i], engine.masks[j])
    if reference.boxes is not None and engine.boxes is not None:
        return float(box_iou(reference.boxes[i], engine.boxes[j : j + 1])[0])
    return float("nan")


def mask_iou(a: np.ndarray, b: np.ndarray) -> float:
    union = int(np.count_nonzero(a | b))
    return int(np.count_nonzero(a & b)) / union if union else 1.0
