"""threshold: what does not exceed a bound becomes zero."""

from __future__ import annotations

from typing import Any

from cuda_ops.elementwise import Function
from workbench.graph import TensorSpec
from workbench.layers.base import FLOATING, Case, Layer, key, layer, want_dtype, want_mode


@layer("threshold")
class Threshold(Layer):
    """y = maxval where x > thresh, else 0 (OpenCV's THRESH_BINARY); with maxval 0, x itself instead (THRESH_TOZERO)."""

    mode: str = key("", doc="left out; no mode is known here")
    thresh: float = key(doc="the bound, which itself becomes 0")
    maxval: float = key(0.0, doc="what larger values become; 0: they stay")

    @property
    def exact(self) -> bool:
        return True

    def infer(self, x: TensorSpec) -> list[TensorSpec]:
        want_mode(self.mode, "")
        want_dtype(x, *FLOATING)
        return [x]

    def reference(self, torch: Any, w: dict[str, Any], x: Any) -> Any:
        zero = torch.zeros_like(x)
        return torch.where(x > self.thresh, zero + self.maxval if self.maxval else x, zero)

    def openvino(self, ov: Any, w: dict[str, Any], x: Any) -> Any:
        thresh, maxval, zero = (ov.constant(v, x.get_element_type()) for v in (self.thresh, self.maxval, 0.0))
        return ov.select(ov.greater(x, thresh), maxval if self.maxval else x, zero)

    strided = True

    def cuda(self, plan: Any, x: list[Any], w: dict[str, Any]) -> Any:
        return plan.chain([Function("threshold", self.thresh, self.maxval)], x)

    CASES = [
        Case("thresh=0.25", [(2, 3, 5)]),
        Case("thresh=-0.5 maxval=255 act=relu", [(2, 3, 5)]),
        Case("thresh=2", [(1, 5)], feeds=lambda rng: [rng.integers(0, 5, (1, 5)).astype("float32")]),
    ]
