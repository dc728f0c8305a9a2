"""input: a tensor that the caller feeds."""

from __future__ import annotations

from workbench.errors import WorkbenchError
from workbench.graph import TensorSpec
from workbench.layers.base import Ints, Layer, key, layer


@layer("input")
class Input(Layer):
    """A fed tensor; a batch of -1 leaves it open. The engines feed it themselves, so it has no methods of its own."""

    arity = (0, 0)
    shape: Ints = key(doc="all axes, batch first")
    opt_shape: Ints = key(Ints(), doc="the shape a CUDA plan is tuned for")
    min_shape: Ints = key(Ints(), doc="the smallest shape")
    max_shape: Ints = key(Ints(), doc="the shape a CUDA plan is made for")
    dtype: str = key(among=("i8", "u8", "i32", "u32", "f16", "f32"), doc="element type of the feed")

    @property
    def exact(self) -> bool:
        return True

    def infer(self) -> list[TensorSpec]:
        if any(d < 1 for d in self.shape[1:]) or not self.shape or (self.shape[0] < 1 and self.shape[0] != -1):
            raise WorkbenchError(f"expected a shape of positive sizes (batch may be -1); got {self.shape}")
        return [TensorSpec(tuple(self.shape), self.dtype)]
