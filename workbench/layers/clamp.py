"""clamp: values held within two bounds."""

from __future__ import annotations

from typing import Any

from cuda_ops.launch import Act
from workbench.errors import WorkbenchError
from workbench.graph import TensorSpec
from workbench.layers.base import FLOATING, Case, Floats, Layer, key, layer, want_dtype, want_mode


@layer("clamp")
class Clamp(Layer):
    """min(max(x, low), high) with value=low,high."""

    mode: str = key("generic", among=("generic", "maskrcnn"), doc="generic; maskrcnn is not known here")
    value: Floats = key(Floats(), doc="low,high")

    @property
    def exact(self) -> bool:
        return True

    def infer(self, x: TensorSpec) -> list[TensorSpec]:
        want_mode(self.mode, "generic")
        want_dtype(x, *FLOATING)
        if len(self.value) != 2 or self.value[0] > self.value[1]:
            raise WorkbenchError(f"expected value=low,high with low <= high; got {self.value}")
        return [x]

    def reference(self, torch: Any, w: dict[str, Any], x: Any) -> Any:
        return torch.clamp(x, *self.value)

    def openvino(self, ov: Any, w: dict[str, Any], x: Any) -> Any:
        return ov.clamp(x, *self.value)

    strided = True

    def cuda(self, plan: Any, x: list[Any], w: dict[str, Any]) -> Any:
        return plan.chain([Act("clip", *self.value)], x)

    CASES = [
        Case("value=-1,1", [(2, 3, 5)]),
        Case("value=-0.25,0.5 mode=generic act=tanh", [(2, 7)]),
    ]
