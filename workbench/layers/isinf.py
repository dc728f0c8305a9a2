"""isinf: infinities replaced."""

from __future__ import annotations

from typing import Any

import numpy as np

from cuda_ops.elementwise import Function
from workbench.graph import TensorSpec
from workbench.layers.base import FLOATING, Case, Layer, key, layer, want_dtype


@layer("isinf")
class IsInf(Layer):
    """y = alt_val where x is inf or -inf, else x; NaN stays."""

    alt_val: float = key(doc="what an infinity becomes")

    @property
    def exact(self) -> bool:
        return True

    def infer(self, x: TensorSpec) -> list[TensorSpec]:
        want_dtype(x, *FLOATING)
        return [x]

    def reference(self, torch: Any, w: dict[str, Any], x: Any) -> Any:
        return torch.where(torch.isinf(x), torch.full_like(x, self.alt_val), x)

    def openvino(self, ov: Any, w: dict[str, Any], x: Any) -> Any:
        return ov.select(ov.is_inf(x), ov.constant(self.alt_val, x.get_element_type()), x)

    strided = True

    def cuda(self, plan: Any, x: list[Any], w: dict[str, Any]) -> Any:
        return plan.chain([Function("replace_inf", self.alt_val)], x)

    CASES = [
        Case("alt_val=-1.5", [(2, 4)],
             feeds=lambda rng: [np.array([[1, np.inf, -np.inf, np.nan], [0, -3e38, 2, np.inf]], np.float32)]),
        Case("alt_val=0 act=relu", [(2, 3, 5)]),
    ]  # fmt: skip
