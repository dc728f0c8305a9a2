"""concat: inputs joined along one axis."""

from __future__ import annotations

from typing import Any

from workbench.errors import WorkbenchError
from workbench.graph import TensorSpec
from workbench.layers.base import Case, Layer, axis_of, key, layer, want_mode
from workbench.layers.broadcast import MANY, same_dtype


@layer("concat")
class Concat(Layer):
    """torch.cat: all axes but `axis` must agree."""

    arity = (2, MANY)
    mode: str = key("", among=("", "m2m", "deit"), doc="left out; the other modes are not known here")
    batch: int = key(0, doc="0; other values are not known here")
    axis: int = key(-1, doc="the axis along which the inputs follow each other")

    @property
    def exact(self) -> bool:
        return True

    def infer(self, *x: TensorSpec) -> list[TensorSpec]:
        want_mode(self.mode, "")
        if self.batch:
            raise WorkbenchError(f"batch={self.batch}: the meaning of this key is not known", note="leave batch out")
        axis = axis_of(self.axis, x[0])
        rest = {(*t.shape[:axis], *t.shape[axis + 1 :]) for t in x}
        if len(rest) > 1 or len({len(t.shape) for t in x}) > 1:
            raise WorkbenchError(f"expected inputs that agree in all axes but {axis}; got {' and '.join(map(str, x))}")
        sizes = [t.shape[axis] for t in x]
        size = -1 if -1 in sizes else sum(sizes)
        return [TensorSpec((*x[0].shape[:axis], size, *x[0].shape[axis + 1 :]), same_dtype(*x))]

    def reference(self, torch: Any, w: dict[str, Any], *x: Any) -> Any:
        return torch.cat(x, self.axis)

    def openvino(self, ov: Any, w: dict[str, Any], *x: Any) -> Any:
        return ov.concat(list(x), self.axis)

    def cuda(self, plan: Any, x: list[Any], w: dict[str, Any]) -> Any:
        y, at = plan.output(), 0
        for t in x:
            plan.copy(t, y.narrow(self.axis, at, t.shape[self.axis]))
            at += t.shape[self.axis]
        return y

    CASES = [
        Case("axis=1", [(2, 3, 5, 7), (2, 1, 5, 7), (2, 4, 5, 7)]),
        Case("", [(2, 3, 5), (2, 3, 1)]),
        Case("axis=-2 act=relu", [(2, 3, 5), (2, 1, 5)]),
        Case("axis=0", [(2, 3), (1, 3)]),
        Case("axis=1", [TensorSpec((2, 3), "i32"), TensorSpec((2, 2), "i32")]),
        Case("axis=1", [TensorSpec((2, 3), "u8"), TensorSpec((2, 2), "u8")]),
    ]
