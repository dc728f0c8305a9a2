"""const: a tensor that the config or the weights file states."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from workbench.errors import WorkbenchError
from workbench.graph import DTYPES, TensorSpec
from workbench.layers.base import Case, Floats, Ints, Layer, key, layer


@layer("const")
class Const(Layer):
    """The values of `value`, or, where it is left out, of the weights file (letter w; i32 rounded to the nearest).

    value holds one number for all elements, one for each along the last axis, or one for each element.
    """

    arity = (0, 0)
    shape: Ints = key(doc="all axes")
    dtype: str = key(among=("i32", "f32"), doc="element type")
    transform: str = key(
        "", among=("", "wino_kernel_64", "wino_data_64"), doc="left out; the Winograd matrices are not known here"
    )
    value: Floats = key(Floats(), doc="left out: read from the weights file")

    @property
    def exact(self) -> bool:
        return True

    def weights(self) -> list[tuple[str, tuple[int, ...]]]:
        return [] if self.value else [("w", tuple(self.shape))]

    def infer(self) -> list[TensorSpec]:
        if self.transform:
            raise WorkbenchError(
                f"transform={self.transform}: the layout of this matrix is not known", note="leave transform out"
            )
        if not self.shape or any(n < 1 for n in self.shape):
            raise WorkbenchError(f"expected a shape of positive sizes; got {self.shape}")
        if self.value and len(self.value) not in (1, self.shape[-1], prod(self.shape)):
            raise WorkbenchError(
                f"expected value to hold 1, {self.shape[-1]} or {prod(self.shape)} numbers for shape {self.shape}; "
                f"got {len(self.value)}"
            )
        if self.dtype == "i32" and any(v % 1 for v in self.value):
            raise WorkbenchError(f"expected whole numbers in value of dtype=i32; got {self.value}")
        return [TensorSpec(tuple(self.shape), self.dtype)]

    def array(self, w: dict[str, Any]) -> np.ndarray:
        """The tensor from `w` or from value."""
        if not self.value:
            values = np.asarray(w["w"])
            return values if self.dtype == "f32" else np.rint(values).astype(np.int32)
        values = np.array(self.value, DTYPES[self.dtype])
        full = values.size == prod(self.shape)
        return values.reshape(self.shape) if full else np.broadcast_to(values, self.shape).copy()

    def reference(self, torch: Any, w: dict[str, Any]) -> Any:
        return torch.from_numpy(self.array(w))

    def openvino(self, ov: Any, w: dict[str, Any]) -> Any:
        return ov.constant(self.array(w))

    def cuda(self, plan: Any, x: list[Any], w: dict[str, Any]) -> Any:
        return plan.constant(self.array(w))

    CASES = [
        Case("shape=2,3 dtype=f32 value=0.1", []),
        Case("shape=2,3 dtype=f32 value=1,2.5,-3", []),
        Case("shape=2,3 dtype=i32 value=1,2,3,4,5,-6", []),
        Case("shape=1,3,5 dtype=f32 act=sigmoid", []),
        Case("shape=7 dtype=i32", []),
    ]
