"""What one side found in a picture: masks, classes of pixels, boxes, key points, in whatever form a port returns it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from workbench.errors import WorkbenchError

FIELDS = ("boxes", "scores", "classes", "masks", "points")


@dataclass(frozen=True, eq=False)
class Found:
    """n finds; whatever is not known is None. Masks lie over the whole picture, on a grid of their own.

    masks    bool [n, h, w]              logits   float [n, h, w], above 0 where the mask is
    labels   int [h, w], the class of every pixel: the find i is where it is keys[i]
    boxes    float [n, 4], x0 y0 x1 y1   scores   float [n]
    classes  int [n]                     points   float [n, k, 2 or 3], x y and perhaps a confidence
    keys     int [n]: finds of one key belong together, whatever they overlap
    names    of the finds, where a class does not name them
    """

    masks: np.ndarray | None = None
    logits: np.ndarray | None = None
    labels: np.ndarray | None = None
    boxes: np.ndarray | None = None
    scores: np.ndarray | None = None
    classes: np.ndarray | None = None
    points: np.ndarray | None = None
    keys: np.ndarray | None = None
    names: Sequence[str] = ()

    def __len__(self) -> int:
        return next((len(a) for a in (self.keys, self.masks, self.boxes, self.points) if a is not None), 0)

    @property
    def grid(self) -> tuple[int, int] | None:
        """Height and width of the masks; None where there are none."""
        planes = self.labels if self.masks is None else self.masks
        return None if planes is None else (planes.shape[-2], planes.shape[-1])

    def mask(self, i: int) -> np.ndarray | None:
        """bool [h, w] of one find."""
        if self.masks is not None:
            return self.masks[i]
        return None if self.labels is None or self.keys is None else self.labels == self.keys[i]

    def class_of(self, i: int) -> int | None:
        return None if self.classes is None else int(self.classes[i])

    def by_class(self) -> Found:
        """The finds of a class as one, without boxes and points, which are an instance's."""
        if self.classes is None or self.masks is None:
            return self
        kinds = np.unique(self.classes)
        grid = self.masks.shape[1:]
        masks = np.array([self.masks[self.classes == k].any(0) for k in kinds], bool).reshape(-1, *grid)
        return Found(masks=masks, classes=kinds, keys=kinds)


def as_found(value: Any, size: tuple[int, int]) -> Found:
    """What a port or a model returned, for a picture of `size` (height, width).

    Taken are a Found; a label map [h, w] of integers, or a result with such a `mask`; a mask [h, w] or masks [n, h, w]
    of bool, or of logits; Segment Anything's Segments; and any result with `boxes` or `points`, and perhaps `scores`,
    `classes` and `masks` (those of floats are probabilities). Masks may be coarser than the picture. Raises
    WorkbenchError for anything else.
    """
    if value is None or isinstance(value, Found):
        return _checked(value or Found(), size)
    if hasattr(value, "enlarged"):
        return _checked(_of_segments(value), size)
    parts: dict[str, Any] = {
        name: np.asarray(getattr(value, name)) for name in FIELDS if getattr(value, name, None) is not None
    }
    if "boxes" in parts or "points" in parts:
        if "masks" in parts:
            parts["masks"] = parts["masks"] > (0.5 if parts["masks"].dtype.kind == "f" else 0)
        return _checked(Found(**parts), size)
    array = np.asarray(getattr(value, "mask", value))
    if array.dtype.kind in "iu" and array.ndim == 2:
        keys = np.array([k for k in np.unique(array) if k], int)
        return _checked(Found(labels=array, classes=keys, keys=keys), size)
    if array.dtype.kind in "fb" and array.ndim in (2, 3):
        masks = array if array.ndim == 3 else array[None]
        return _checked(Found(masks > 0, logits=masks if masks.dtype.kind == "f" else None), size)
    raise WorkbenchError(
        f"expected masks, a label map, or a result with boxes; got {type(value).__name__} {array.dtype} {array.shape}",
        note="give a bool or float array [n, h, w], an integer array [h, w], or a workbench.ui.found.Found",
    )


def _of_segments(value: Any) -> Found:
    """Each object's masks are finds, which belong together by their place."""
    objects, each = value.scores.shape
    planes = value.enlarged.reshape(objects * each, *value.enlarged.shape[2:])
    names = [f"object {i}, mask {k}" if each > 1 else f"object {i}" for i in range(objects) for k in range(each)]
    return Found(planes > 0, planes, scores=value.scores.ravel(), keys=np.arange(len(planes)), names=names)


def _checked(found: Found, size: tuple[int, int]) -> Found:
    """Raises WorkbenchError where the masks' sides are not in the picture's proportion, to a row or column or two."""
    if found.grid is None:
        return found
    down, along = (n / m for n, m in zip(found.grid, size, strict=True))
    if abs(down - along) * max(size) > 2:
        raise WorkbenchError(
            f"masks of {found.grid} do not fit a picture of {size} (height, width)",
            note="bring the masks to the picture's size first, as the original's own postprocessing does",
        )
    return replace(found, labels=None if found.labels is None else np.ascontiguousarray(found.labels))
