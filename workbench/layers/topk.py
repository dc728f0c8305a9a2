"""topk: the largest values along an axis and where they stand; sortk and argmax share its functions.

Equal values come in any order, as in torch.topk. OpenVINO's stable TopK keeps the lower index first, but compares every
pair: 20 ms instead of 0.2 ms for the best 300 of 8,400, 340 instead of 1 for all of them (one thread).
"""

from __future__ import annotations

from typing import Any

from workbench.errors import WorkbenchError
from workbench.graph import TensorSpec
from workbench.layers.base import FLOATING, Case, Layer, axis_of, key, layer, want_dtype, want_mode


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

    CASES = [
        Case("topk_count=3", [(2, 3, 7)]),
        Case("topk_count=9 axis=1 mode=generic", [(2, 5, 3)]),
        Case("topk_count=1 axis=0", [(3, 5)]),
        Case(
            "topk_count=6", [TensorSpec((1, 40), "i32")], feeds=lambda rng: [rng.permutation(40)[None].astype("int32")]
        ),
    ]


def infer_largest(x: TensorSpec, axis: int, k: int) -> list[TensorSpec]:
    """Specs of values and indices."""
    want_dtype(x, *FLOATING, "i32")
    axis = axis_of(axis, x)
    if k < 1 or x.shape[axis] < 1:
        raise WorkbenchError(f"expected k of at least 1 and an axis of known size; got k={k} on axis {axis} of {x}")
    shape = (*x.shape[:axis], min(k, x.shape[axis]), *x.shape[axis + 1 :])
    return [TensorSpec(shape, x.dtype), TensorSpec(shape, "i32")]


def reference_largest(torch: Any, x: Any, axis: int, k: int) -> list[Any]:
    """(values, indices)."""
    values, indices = torch.topk(x, min(k, x.shape[axis]), axis)
    return [values, indices.to(torch.int32)]


def openvino_largest(ov: Any, x: Any, axis: int, k: int, stable: bool = False) -> list[Any]:
    """(values, indices) as node outputs; `stable` puts the lower index first among equal values."""
    size = min(k, x.get_partial_shape()[axis].get_length())
    return ov.topk(x, size, axis, "max", "value", "i32", stable).outputs()
