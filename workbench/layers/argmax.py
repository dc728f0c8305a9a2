"""argmax: where the largest value of an axis stands."""

from __future__ import annotations

from typing import Any

from cuda_ops import reduce as kernels
from workbench.graph import TensorSpec
from workbench.layers.base import Case, Layer, axis_of, key, layer
from workbench.layers.largest import infer_largest, openvino_largest


@layer("argmax")
class ArgMax(Layer):
    """torch.argmax: the index (i32) of the largest value, the lowest of equal ones. value=1: then also the value."""

    value: int = key(0, doc="1: two outputs, index and value")
    axis: int = key(doc="the axis that is searched")
    keepdim: int = key(0, doc="1 keeps the axis with size 1")

    @property
    def outputs(self) -> int:
        return 2 if self.value else 1

    @property
    def exact(self) -> bool:
        return True

    def infer(self, x: TensorSpec) -> list[TensorSpec]:
        axis = axis_of(self.axis, x)
        value, index = infer_largest(x, axis, 1)
        if not self.keepdim:
            value, index = (TensorSpec((*t.shape[:axis], *t.shape[axis + 1 :]), t.dtype) for t in (value, index))
        return [index, value][: self.outputs]

    def reference(self, torch: Any, w: dict[str, Any], x: Any) -> Any:
        value, index = torch.max(x, self.axis, bool(self.keepdim))
        return [index.to(torch.int32), value][: self.outputs]

    def openvino(self, ov: Any, w: dict[str, Any], x: Any) -> Any:
        value, index = openvino_largest(ov, x, self.axis, 1, stable=True)
        return [t if self.keepdim else ov.squeeze(t, [self.axis]) for t in (index, value)][: self.outputs]

    def cuda(self, plan: Any, x: list[Any], w: dict[str, Any]) -> Any:
        y = [plan.output(i) for i in range(self.outputs)]
        index, value = [*y, None][:2]
        return plan.run(kernels.argmax(x[0], index, value, x[0].shape, self.axis), *y)

    CASES = [
        Case("axis=1", [(2, 5, 7)]),
        Case("axis=-1 value=1", [(2, 3, 5)]),
        Case("axis=1 value=1 keepdim=1", [(2, 5, 3)]),
        Case("axis=0 keepdim=1", [(3, 5)]),
        Case("axis=1", [TensorSpec((2, 40), "i32")]),  # many ties
    ]
