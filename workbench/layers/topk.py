"""topk: the largest values along an axis and where they stand."""

from __future__ import annotations

from typing import Any

from workbench.graph import TensorSpec
from workbench.layers.base import Case, Layer, key, layer, want_mode
from workbench.layers.largest import cuda_largest, infer_largest, openvino_largest, reference_largest


@layer("topk")
class TopK(Layer):
    """Outputs values and indices (i32), largest first, equal values in any order; k is clamped to the axis."""

    mode: str = key("generic", among=("generic", "maskrcnn", "xmem"), doc="generic; the others are not known here")
    topk_count: int = key(doc="k")
    axis: int = key(-1, doc="the axis that is sorted")
    max_size: int = key(0, doc="of the modes that are not known here")
    level_id: int = key(0, doc="of the modes that are not known here")

    @property
    def outputs(self) -> int:
        return 2

    @property
    def exact(self) -> bool:
        return True

    def infer(self, x: TensorSpec) -> list[TensorSpec]:
        want_mode(self.mode, "generic")
        return infer_largest(x, self.axis, self.topk_count)

    def reference(self, torch: Any, w: dict[str, Any], x: Any) -> Any:
        return reference_largest(torch, x, self.axis, self.topk_count)

    def openvino(self, ov: Any, w: dict[str, Any], x: Any) -> Any:
        return openvino_largest(ov, x, self.axis, self.topk_count)

    def cuda(self, plan: Any, x: list[Any], w: dict[str, Any]) -> Any:
        return cuda_largest(plan, x[0], self.axis, self.topk_count)

    CASES = [
        Case("topk_count=3", [(2, 3, 7)]),
        Case("topk_count=9 axis=1 mode=generic", [(2, 5, 3)]),
        Case("topk_count=1 axis=0", [(3, 5)]),
        Case(
            "topk_count=6", [TensorSpec((1, 40), "i32")], feeds=lambda rng: [rng.permutation(40)[None].astype("int32")]
        ),
    ]
