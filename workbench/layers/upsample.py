"""upsample: nearest neighbour, every element of an NCHW map repeated factor times along both axes."""

from __future__ import annotations

from typing import Any

import numpy as np

from cuda_ops import resize as kernels
from workbench.errors import WorkbenchError
from workbench.graph import TensorSpec
from workbench.layers.base import FLOATING, Case, Layer, key, layer, want_dtype, want_rank


@layer("upsample")
class Upsample(Layer):
    """torch.nn.Upsample(scale_factor=factor): [n, c, h, w] → [n, c, factor·h, factor·w]."""

    factor: int = key(doc="how often an element is repeated")

    @property
    def exact(self) -> bool:
        return True

    def infer(self, x: TensorSpec) -> list[TensorSpec]:
        want_rank(x, 4)
        want_dtype(x, *FLOATING)
        if self.factor < 1:
            raise WorkbenchError(f"expected a factor of at least 1; got {self.factor}")
        n, c, high, wide = x.shape
        return [TensorSpec((n, c, high * self.factor, wide * self.factor))]

    def reference(self, torch: Any, w: dict[str, Any], x: Any) -> Any:
        return torch.nn.functional.interpolate(x, scale_factor=self.factor, mode="nearest")

    def openvino(self, ov: Any, w: dict[str, Any], x: Any) -> Any:
        scales = np.full(2, self.factor, np.float32)
        how = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor", "axes": [2, 3]}
        return ov.interpolate(x, scales, "nearest", "scales", **how)

    def cuda(self, plan: Any, x: list[Any], w: dict[str, Any]) -> Any:
        y = plan.output()
        return plan.run(kernels.resize_nearest(x[0], y, x[0].shape, y.shape[2:]), y)

    CASES = [
        Case("factor=2", [(2, 3, 5, 4)]),
        Case("factor=3", [(1, 3, 7, 1)]),
        Case("factor=1", [(1, 3, 2, 2)]),
    ]
