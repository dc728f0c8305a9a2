"""What is asked of a segmenter about one picture: an object's points, box and mask, with undo."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from workbench.errors import WorkbenchError
from workbench.pipelines.segment_anything import Prompt

Point = tuple[float, float, int]  # x, y and 1 for the object, 0 for the background
Box = tuple[float, float, float, float]


@dataclass(frozen=True, eq=False)
class Asked:
    """One object's prompts. `picked` is the mask chosen of several, None for the likeliest."""

    points: tuple[Point, ...] = ()
    box: Box | None = None
    mask: np.ndarray | None = None
    picked: int | None = None

    def __bool__(self) -> bool:
        return bool(self.points) or self.box is not None or self.mask is not None

    @property
    def prompt(self) -> Prompt:
        """For the segmenter."""
        return Prompt([p[:2] for p in self.points], [p[2] for p in self.points], self.box, self.mask)

    @property
    def key(self) -> tuple[Any, ...]:
        """Equal where the segmenter would answer the same."""
        return self.points, self.box, None if self.mask is None else self.mask.tobytes()

    def plain(self) -> dict[str, Any]:
        return {"points": [list(p) for p in self.points], "box": self.box, "mask": self.mask is not None}


@dataclass
class Asking:
    """Several objects, one of them active; every change is a step that `undo` takes back."""

    size: tuple[int, int]  # height, width of the picture
    objects: tuple[Asked, ...] = (Asked(),)
    active: int = 0
    _before: list[tuple[tuple[Asked, ...], int]] = field(default_factory=list)

    @property
    def current(self) -> Asked:
        return self.objects[self.active]

    def point(self, x: float, y: float, label: int) -> None:
        """A further point of the active object; 1 lies on it, 0 beside it."""
        x, y = self._inside(x, y)
        if label not in (0, 1):
            raise WorkbenchError(f"expected a label of 1 (object) or 0 (background); got {label!r}")
        self._change(points=(*self.current.points, (x, y, int(label))), picked=None)

    def remove_point(self, index: int) -> None:
        points = self.current.points
        if not 0 <= index < len(points):
            raise WorkbenchError(f"there is no point {index}", note=f"this object has {len(points)}")
        self._change(points=points[:index] + points[index + 1 :], picked=None)

    def around(self, x0: float, y0: float, x1: float, y1: float) -> None:
        """The active object's box, from any corner to the opposite one."""
        (left, top), (right, bottom) = self._inside(min(x0, x1), min(y0, y1)), self._inside(max(x0, x1), max(y0, y1))
        if left == right or top == bottom:
            raise WorkbenchError("a box needs a width and a height", note="drag from one corner to the opposite one")
        self._change(box=(left, top, right, bottom), picked=None)

    def no_box(self) -> None:
        self._change(box=None, picked=None)

    def feed_back(self, logits: np.ndarray | None) -> None:
        """Prompt the active object with a mask too, f32 [256, 256] of an earlier answer; None takes it out."""
        self._change(mask=logits, picked=None)

    def pick(self, mask: int) -> None:
        """Choose one of an object's several masks."""
        self._change(picked=mask)

    def another(self) -> None:
        """A new object, which is then the active one; an empty one that is there already serves."""
        self._step()
        empty = next((i for i, asked in enumerate(self.objects) if not asked), len(self.objects))
        self.objects = self.objects if empty < len(self.objects) else (*self.objects, Asked())
        self.active = empty

    def activate(self, index: int) -> None:
        self.active = max(0, min(index, len(self.objects) - 1))

    def drop(self, index: int) -> None:
        """Take an object out; there is always one left, if an empty one."""
        self._step()
        self.objects = (self.objects[:index] + self.objects[index + 1 :]) or (Asked(),)
        self.activate(self.active - (index < self.active))

    def clear(self) -> None:
        self._step()
        self.objects, self.active = (Asked(),), 0

    def undo(self) -> bool:
        """Take the last change back; False where there is none."""
        if not self._before:
            return False
        self.objects, self.active = self._before.pop()
        return True

    def _change(self, **parts: Any) -> None:
        self._step()
        changed = replace(self.current, **parts)
        self.objects = (*self.objects[: self.active], changed, *self.objects[self.active + 1 :])

    def _step(self) -> None:
        self._before.append((self.objects, self.active))

    def _inside(self, x: float, y: float) -> Sequence[float]:
        """Within the picture: a pointer that left it meant its edge."""
        height, width = self.size
        return max(0.0, min(float(x), float(width))), max(0.0, min(float(y), float(height)))
