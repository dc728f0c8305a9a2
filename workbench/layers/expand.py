"""expand: every axis repeated."""

from __future__ import annotations

from typing import Any

from workbench.errors import WorkbenchError
from workbench.graph import TensorSpec
from workbench.layers.base import Case, Ints, Layer, key, layer


@layer("expand")
class Expand(Layer):
    """torch.Tensor.repeat: axis i comes out factor[i] times as long; where it has size 1 that is torch.expand's size.

    The batch of a second input is a further factor of axis 0: a class token [1,1,C] for each item of an open batch.
    """

    arity = (1, 2)
    factor: Ints = key(doc="repeats of every axis; -1 and 1 keep it")

    @property
    def exact(self) -> bool:
        return True

    @property
    def repeats(self) -> list[int]:
        return [1 if n == -1 else n for n in self.factor]

    def infer(self, x: TensorSpec, like: TensorSpec | None = None) -> list[TensorSpec]:
        if len(self.factor) != len(x.shape) or any(n < 1 for n in self.repeats):
            raise WorkbenchError(
                f"expected factor to hold a number of at least 1 for each axis of {x}; got {self.factor}"
            )
        batch = 1 if like is None else like.shape[0]
        shape = [n * r for n, r in zip(x.shape, self.repeats, strict=True)]
        return [TensorSpec((-1 if -1 in (x.shape[0], batch) else shape[0] * batch, *shape[1:]), x.dtype)]

    def reference(self, torch: Any, w: dict[str, Any], x: Any, like: Any = None) -> Any:
        batch = 1 if like is None else like.shape[0]
        return x.repeat(self.repeats[0] * batch, *self.repeats[1:])

    def openvino(self, ov: Any, w: dict[str, Any], x: Any, like: Any = None) -> Any:
        if like is None:
            return ov.tile(x, self.repeats)
        batch = ov.gather(ov.shape_of(like), [0], 0)
        return ov.tile(x, ov.multiply(ov.concat([batch, [1] * (len(self.repeats) - 1)], 0), self.repeats))

    def cuda(self, plan: Any, x: list[Any], w: dict[str, Any]) -> Any:
        repeats = self.repeats
        repeats[0] *= x[1].shape[0] if len(x) > 1 else 1
        pairs = zip(x[0].shape, x[0].strides, repeats, strict=True)
        axes = [axis for n, step, repeat in pairs for axis in ((repeat, 0), (n, step))]  # repeats stay in place
        return plan.reshape(x[0].as_strided(*zip(*axes, strict=True)), plan.specs[0].shape)

    CASES = [
        Case("factor=1,3,1", [(2, 1, 5)]),
        Case("factor=2,-1,3 act=relu", [(1, 3, 5)]),
        Case("factor=2,2", [(2, 3)]),
        Case("factor=1,1,1", [(1, 1, 5), (3, 4, 5)]),
        Case("factor=1,2", [TensorSpec((2, 3), "i32")]),
    ]
