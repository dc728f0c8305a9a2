"""scale: (shift + scale * x) ** power."""

from __future__ import annotations

from typing import Any

from cuda_ops.elementwise import Step
from workbench.graph import TensorSpec
from workbench.layers.base import FLOATING, Case, Layer, key, layer, want_dtype


@layer("scale")
class Scale(Layer):
    """y = (shift + scale * x) ** power, Caffe's Power layer; NaN where a negative base has a broken power."""

    scale: float = key(1.0, doc="factor")
    shift: float = key(0.0, doc="added after the factor")
    power: float = key(1.0, doc="applied last")

    def infer(self, x: TensorSpec) -> list[TensorSpec]:
        want_dtype(x, *FLOATING)
        return [x]

    def reference(self, torch: Any, w: dict[str, Any], x: Any) -> Any:
        y = self.shift + self.scale * x
        return y if self.power == 1 else y**self.power

    def openvino(self, ov: Any, w: dict[str, Any], x: Any) -> Any:
        steps = ((ov.multiply, self.scale, 1), (ov.add, self.shift, 0), (ov.power, self.power, 1))
        for step, value, neutral in steps:
            if value != neutral:
                x = step(x, ov.constant(value, x.get_element_type())).output(0)
        return x

    strided = True

    def cuda(self, plan: Any, x: list[Any], w: dict[str, Any]) -> Any:
        steps = (("mul", self.scale, 1), ("add", self.shift, 0), ("pow", self.power, 1))
        return plan.chain([Step(step, value) for step, value, neutral in steps if value != neutral], x)

    CASES = [
        Case("scale=0.125", [(2, 3, 5)]),
        Case("scale=-2 shift=0.5 power=2", [(2, 3, 5)]),
        Case("shift=1 power=-0.5", [(2, 3, 5)], positive=True),
        Case("scale=3 shift=2 power=0.3 act=relu", [(2, 7)], positive=True),
        Case("", [(2, 3)]),
    ]
