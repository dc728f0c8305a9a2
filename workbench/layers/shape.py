"""shape: a tensor's shape, as a tensor."""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.graph import TensorSpec
from workbench.layers.base import Case, Layer, key, layer, want_mode


@layer("shape")
class Shape(Layer):
    """The sizes of the input's axes as a vector of i32, the batch as it is at run time."""

    mode: str = key("", doc="left out; no mode is known here")

    @property
    def exact(self) -> bool:
        return True

    def infer(self, x: TensorSpec) -> list[TensorSpec]:
        want_mode(self.mode, "")
        return [TensorSpec((len(x.shape),), "i32")]

    def reference(self, torch: Any, w: dict[str, Any], x: Any) -> Any:
        return torch.tensor(x.shape, dtype=torch.int32)

    def openvino(self, ov: Any, w: dict[str, Any], x: Any) -> Any:
        return ov.shape_of(x, "i32")

    def cuda(self, plan: Any, x: list[Any], w: dict[str, Any]) -> Any:
        return plan.constant(np.array(x[0].shape, np.int32))

    CASES = [Case("", [(2, 3, 5, 7)]), Case("", [TensorSpec((3,), "u8")])]
