"""unfold: windows of one axis, each on a new last axis (torch.Tensor.unfold)."""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.errors import WorkbenchError
from workbench.graph import TensorSpec
from workbench.layers.base import Case, Layer, axis_of, key, layer
from workbench.layers.window import window_size


@layer("unfold")
class Unfold(Layer):
    """[..., n, ...] → [..., (n - size) // step + 1, ..., size]: the windows of `axis`, not copied together."""

    axis: int = key(doc="the axis that is cut into windows")
    size: int = key(doc="elements of a window")
    step: int = key(doc="distance of the windows")

    @property
    def exact(self) -> bool:
        return True

    def infer(self, x: TensorSpec) -> list[TensorSpec]:
        axis = axis_of(self.axis, x)
        if x.shape[axis] < 0:
            raise WorkbenchError("cannot unfold an open batch", note="give the input's batch")
        count = window_size(x.shape[axis], self.size, self.step, (0, 0))
        return [TensorSpec((*x.shape[:axis], count, *x.shape[axis + 1 :], self.size), x.dtype)]

    def reference(self, torch: Any, w: dict[str, Any], x: Any) -> Any:
        return x.unfold(self.axis, self.size, self.step)

    def openvino(self, ov: Any, w: dict[str, Any], x: Any) -> Any:
        shape = list(x.get_partial_shape())
        rank = len(shape)
        axis = self.axis % rank
        n = shape[axis].get_length()
        if self.size == self.step and n % self.size == 0 and axis > 0:  # the windows lie side by side: no gather
            rest = [d.get_length() for d in shape[1:]]
            rest[axis - 1 : axis] = [n // self.size, self.size]
            windows = ov.reshape(x, [0, *rest], special_zero=True)
        else:
            starts = np.arange(window_size(n, self.size, self.step, (0, 0))) * self.step
            windows = ov.gather(x, starts[:, None] + np.arange(self.size), axis)
        return ov.transpose(windows, [*range(axis + 1), *range(axis + 2, rank + 1), axis + 1])

    strided = True

    def cuda(self, plan: Any, x: list[Any], w: dict[str, Any]) -> Any:
        strides = list(x[0].strides)
        step = strides[self.axis]
        strides[self.axis] = step * self.step
        return x[0].as_strided(plan.specs[0].shape, [*strides, step])

    CASES = [
        Case("axis=2 size=3 step=3", [(2, 3, 9, 4)]),
        Case("axis=2 size=3 step=2", [(2, 3, 9, 4)]),
        Case("axis=-1 size=2 step=2", [(2, 3, 9)]),
        Case("axis=1 size=4 step=1", [(2, 7)]),
        Case("axis=0 size=2 step=1", [TensorSpec((5, 3), "i32")]),
    ]
