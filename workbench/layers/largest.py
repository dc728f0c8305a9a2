"""The largest values along an axis and where they stand: what topk, sortk and argmax share.

Equal values come in any order, as in torch.topk. OpenVINO's stable TopK keeps the lower index first, but compares every
pair: 20 ms instead of 0.2 ms for the best 300 of 8,400, 340 instead of 1 for all of them (one thread).
"""

from __future__ import annotations

from typing import Any

from cuda_ops import topk as kernels
from workbench.errors import WorkbenchError
from workbench.graph import TensorSpec
from workbench.layers.base import FLOATING, axis_of, want_dtype


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


def cuda_largest(plan: Any, x: Any, axis: int, k: int) -> list[Any]:
    """(values, indices) as the plan's outputs."""
    value, index = plan.output(0), plan.output(1)
    return plan.run(kernels.topk(x, value, index, x.shape, axis, min(k, x.shape[axis])), value, index)
