"""sortk: an axis sorted, of which the first k are kept."""

from __future__ import annotations

from typing import Any

from workbench.graph import TensorSpec
from workbench.layers.base import Case, Layer, key, layer, want_mode
from workbench.layers.largest import cuda_largest, infer_largest, openvino_largest, reference_largest


@layer("sortk")
class SortK(Layer):
    """Outputs values and indices (i32), largest first, equal values in any order; k is clamped to the axis."""

    axis: int = key(doc="the axis that is sorted")
    k: int = key(doc="how many are kept")
    mode: str = key("", doc="left out; no mode is known here")

    @property
    def outputs(self) -> int:
        return 2

    @property
    def exact(self) -> bool:
        return True

    def infer(self, x: TensorSpec) -> list[TensorSpec]:
        want_mode(self.mode, "")
        return infer_largest(x, self.axis, self.k)

    def reference(self, torch: Any, w: dict[str, Any], x: Any) -> Any:
        return reference_largest(torch, x, self.axis, self.k)

    def openvino(self, ov: Any, w: dict[str, Any], x: Any) -> Any:
        return openvino_largest(ov, x, self.axis, self.k)

    def cuda(self, plan: Any, x: list[Any], w: dict[str, Any]) -> Any:
        return cuda_largest(plan, x[0], self.axis, self.k)

    CASES = [
        Case("axis=1 k=4", [(2, 7, 3)]),
        Case("axis=-1 k=100", [(2, 3, 5)]),
        Case("axis=0 k=3", [(4, 5)]),
    ]
