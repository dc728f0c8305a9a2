"""gather: elements of a tensor picked by an index tensor."""

from __future__ import annotations

from typing import Any

import numpy as np

from cuda_ops import gather as kernels
from workbench.errors import WorkbenchError
from workbench.graph import TensorSpec
from workbench.layers.base import Case, Layer, axis_of, key, layer, want_dtype, want_mode


@layer("gather")
class Gather(Layer):
    """Two inputs: data, and an index of integers, which count from the end where negative.

    generic: torch.index_select with an index of any shape, which takes the place of `axis`: x[.., index, ..].
    elements: torch.gather: y[i, j] = x[i, index[i, j]] for axis=1; the index has data's shape in all other axes.
    """

    arity = (2, 2)
    mode: str = key(
        "generic",
        among=("generic", "elements", "wav2lip-face-detect", "yolov5c", "swin-transformer", "fastspeech"),
        doc="generic or elements; the models' own modes are not known here",
    )
    axis: int = key(0, doc="the axis of data that the index counts along")

    @property
    def exact(self) -> bool:
        return True

    def infer(self, x: TensorSpec, index: TensorSpec) -> list[TensorSpec]:
        want_mode(self.mode, "generic", "elements")
        want_dtype(index, "i32", "i64")
        axis = axis_of(self.axis, x)
        if self.mode == "elements":
            if index.shape[:axis] + index.shape[axis + 1 :] != x.shape[:axis] + x.shape[axis + 1 :]:
                raise WorkbenchError(f"expected data and index that agree in all axes but {axis}; got {x} and {index}")
            return [TensorSpec(index.shape, x.dtype)]
        shape = (*x.shape[:axis], *index.shape, *x.shape[axis + 1 :])
        if -1 in shape[1:]:
            raise WorkbenchError(
                f"the index's open batch would not stay on axis 0: {x} and {index} at axis {axis}",
                note="mode=elements picks within each item of a batch",
            )
        return [TensorSpec(shape, x.dtype)]

    def reference(self, torch: Any, w: dict[str, Any], x: Any, index: Any) -> Any:
        size = x.shape[self.axis]
        if index.numel() and not -size <= index.min() <= index.max() < size:
            raise WorkbenchError(
                f"expected an index from {-size} to {size - 1}; got {int(index.min())} to {int(index.max())}"
            )
        index = torch.where(index < 0, index + size, index).long()
        if self.mode == "elements":
            return torch.gather(x, self.axis, index)
        axis = self.axis % x.ndim
        return x.index_select(axis, index.flatten()).reshape(*x.shape[:axis], *index.shape, *x.shape[axis + 1 :])

    def openvino(self, ov: Any, w: dict[str, Any], x: Any, index: Any) -> Any:
        return ov.gather_elements(x, index, self.axis) if self.mode == "elements" else ov.gather(x, index, self.axis)

    def cuda(self, plan: Any, x: list[Any], w: dict[str, Any]) -> Any:
        y, (data, index) = plan.output(), x
        if self.mode == "elements":
            return plan.run(kernels.gather_elements(data, index, y, data.shape, self.axis, y.shape[self.axis]), y)
        return plan.run(kernels.gather(data, index, y, data.shape, self.axis, index.count), y)

    CASES = [
        Case("axis=0", [(5, 3), TensorSpec((2, 7), "i32")]),
        Case("axis=-1 mode=generic act=tanh", [(2, 3, 5), TensorSpec((4,), "i32")]),
        Case("axis=1", [TensorSpec((2, 5), "u8"), TensorSpec((1, 3), "i32")]),
        Case("axis=1", [(2, 3, 5), TensorSpec((3,), "i64")],
             feeds=lambda rng: [rng.standard_normal((2, 3, 5), np.float32), np.array([-1, 0, -3])]),
        Case("axis=1 mode=elements", [(2, 5, 3), TensorSpec((2, 7, 3), "i32")]),
        Case("axis=-1 mode=elements", [(2, 5), TensorSpec((2, 5), "i32")]),
    ]  # fmt: skip
