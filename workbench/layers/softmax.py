"""softmax: exp(x - max) / sum(exp(x - max)) along one axis."""

from __future__ import annotations

from typing import Any

from cuda_ops import softmax as kernels
from workbench.graph import TensorSpec
from workbench.layers.base import FLOATING, Case, Layer, axis_of, key, layer, want_dtype, want_mode


@layer("softmax")
class Softmax(Layer):
    """torch.softmax along `axis`."""

    mode: str = key("generic", among=("generic", "algo1"), doc="generic; algo1 is not known here")
    axis: int = key(-1, doc="the axis that sums to 1")

    def infer(self, x: TensorSpec) -> list[TensorSpec]:
        want_mode(self.mode, "generic")
        want_dtype(x, *FLOATING)
        axis_of(self.axis, x)
        return [x]

    def reference(self, torch: Any, w: dict[str, Any], x: Any) -> Any:
        return torch.softmax(x, self.axis)

    def openvino(self, ov: Any, w: dict[str, Any], x: Any) -> Any:
        return ov.softmax(x, self.axis)

    def cuda(self, plan: Any, x: list[Any], w: dict[str, Any]) -> Any:
        y = plan.output()
        return plan.run(kernels.softmax(x[0], y, y.shape, self.axis), y)

    CASES = [
        Case("", [(2, 3, 7)]),
        Case("axis=1", [(2, 16, 4, 5)]),
        Case("axis=-2 mode=generic", [(2, 3, 5)]),
        Case("axis=0", [(3, 5)]),
    ]
