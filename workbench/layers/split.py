"""split: one tensor cut into `count` equal pieces along an axis."""

from __future__ import annotations

from typing import Any

from workbench.errors import WorkbenchError
from workbench.graph import TensorSpec
from workbench.layers.base import Case, Layer, axis_of, key, layer


@layer("split")
class Split(Layer):
    """`count` is the number of pieces, as tf.split has it (torch.split takes a size); [chunk] allows a remainder."""

    axis: int = key(doc="the axis that is cut")
    count: int = key(doc="number of pieces, which is the number of outputs")

    @property
    def outputs(self) -> int:
        return self.count

    @property
    def exact(self) -> bool:
        return True

    def infer(self, x: TensorSpec) -> list[TensorSpec]:
        axis = axis_of(self.axis, x)
        size = x.shape[axis]
        if self.count < 1 or size < 1 or size % self.count:
            raise WorkbenchError(
                f"expected axis {axis} of {x} to divide into count={self.count} equal pieces",
                note="[chunk] leaves the last piece smaller, [slice] cuts any piece",
            )
        return [TensorSpec((*x.shape[:axis], size // self.count, *x.shape[axis + 1 :]), x.dtype)] * self.count

    def reference(self, torch: Any, w: dict[str, Any], x: Any) -> Any:
        return list(torch.chunk(x, self.count, self.axis))

    def openvino(self, ov: Any, w: dict[str, Any], x: Any) -> Any:
        return ov.split(x, self.axis, self.count).outputs()

    def cuda(self, plan: Any, x: list[Any], w: dict[str, Any]) -> Any:
        size = x[0].shape[self.axis] // self.count
        return [x[0].narrow(self.axis, i * size, size) for i in range(self.count)]

    CASES = [
        Case("count=3 axis=1", [(2, 6, 5, 7)]),
        Case("count=5 axis=-1 act=relu", [(2, 3, 5)]),
        Case("count=2 axis=0", [(4, 3)]),
        Case("count=2 axis=2", [TensorSpec((2, 3, 4), "i32")]),
    ]
