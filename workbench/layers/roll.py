"""roll: elements shifted along axes, those that leave at one end entering at the other."""

from __future__ import annotations

from itertools import product
from typing import Any

from workbench.errors import WorkbenchError
from workbench.graph import TensorSpec
from workbench.layers.base import Case, Ints, Layer, axis_of, key, layer, want_rank


@layer("roll")
class Roll(Layer):
    """torch.roll: y[(i + shift) mod n] = x[i] on every axis named. mode=swin-transformer rolls H and W of NHWC."""

    mode: str = key("", among=("", "swin-transformer"), doc="swin-transformer: axis=1,2")
    shift: Ints = key(Ints(), doc="steps on every axis; may be negative")
    axis: Ints = key(Ints(), doc="the axes")

    @property
    def exact(self) -> bool:
        return True

    @property
    def axes(self) -> tuple[int, ...]:
        return self.axis or ((1, 2) if self.mode else ())

    def infer(self, x: TensorSpec) -> list[TensorSpec]:
        if self.mode:
            want_rank(x, 4)
        for axis in self.axes:
            axis_of(axis, x)
        if not self.axes or len(self.shift) != len(self.axes):
            raise WorkbenchError(f"expected one shift for each axis; got shift={self.shift}, axis={self.axes}")
        return [x]

    def reference(self, torch: Any, w: dict[str, Any], x: Any) -> Any:
        return torch.roll(x, self.shift, self.axes)

    def openvino(self, ov: Any, w: dict[str, Any], x: Any) -> Any:
        return ov.roll(x, list(self.shift), list(self.axes))

    def cuda(self, plan: Any, x: list[Any], w: dict[str, Any]) -> Any:
        y, pieces = plan.output(), []  # of each axis: the part that stays together, and the part that comes round
        for axis, shift in zip(self.axes, self.shift, strict=True):
            n = y.shape[axis]
            shift %= n
            pieces.append([(axis, *p) for p in ((0, shift, n - shift), (n - shift, 0, shift)) if p[2]])
        for parts in product(*pieces):
            source, target = x[0], y
            for axis, start, end, size in parts:
                source, target = source.narrow(axis, start, size), target.narrow(axis, end, size)
            plan.copy(source, target)
        return y

    CASES = [
        Case("mode=swin-transformer shift=-3,-2", [(2, 7, 5, 3)]),
        Case("shift=2 axis=-1 act=relu", [(2, 3, 5)]),
        Case("shift=1,-9 axis=0,2", [(2, 3, 5)]),
        Case("shift=1 axis=1", [TensorSpec((2, 3), "i32")]),
    ]
