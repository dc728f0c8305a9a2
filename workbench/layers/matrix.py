"""matrix: a constant matrix."""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.errors import WorkbenchError
from workbench.graph import TensorSpec
from workbench.layers.base import Case, Layer, Pair, key, layer, want_mode


@layer("matrix")
class Matrix(Layer):
    """f32 [h, w]: zero is all zeros, eye has ones on its diagonal. It has no input."""

    arity = (0, 0)
    mode: str = key(among=("zero", "eye", "m2m"), doc="zero or eye; m2m is not known here")
    img_size: Pair = key(doc="h,w")
    bos_token_id: int = key(0, doc="of the mode that is not known here")

    @property
    def exact(self) -> bool:
        return True

    def infer(self) -> list[TensorSpec]:
        want_mode(self.mode, "zero", "eye")
        if min(self.img_size) < 1:
            raise WorkbenchError(f"expected img_size of at least 1,1; got {self.img_size}")
        return [TensorSpec(tuple(self.img_size))]

    def array(self) -> np.ndarray:
        return np.zeros(self.img_size, np.float32) if self.mode == "zero" else np.eye(*self.img_size, dtype=np.float32)

    def reference(self, torch: Any, w: dict[str, Any]) -> Any:
        return torch.from_numpy(self.array())

    def openvino(self, ov: Any, w: dict[str, Any]) -> Any:
        return ov.constant(self.array())

    def cuda(self, plan: Any, x: list[Any], w: dict[str, Any]) -> Any:
        return plan.constant(self.array())

    CASES = [Case("mode=zero img_size=3,5", []), Case("mode=eye img_size=5,3", []), Case("mode=eye img_size=4", [])]
