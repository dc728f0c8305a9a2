"""reshape: the same elements under another shape."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from workbench.errors import WorkbenchError
from workbench.graph import TensorSpec
from workbench.layers.base import Case, Ints, Layer, key, layer


@layer("reshape")
class Reshape(Layer):
    """torch.reshape: one -1 takes what is left, 0 copies the input's axis.

    Where axis 0 is -1 and another axis is too, axis 0 is the batch, copied: shape=$BATCH_SIZE,64,-1 works for a
    BATCH_SIZE of -1. An open batch must stay on axis 0, as -1 or 0.
    """

    shape: Ints = key(doc="size of every axis; one -1, 0 copies the axis")

    @property
    def exact(self) -> bool:
        return True

    def infer(self, x: TensorSpec) -> list[TensorSpec]:
        return [TensorSpec(self.target(x.shape), x.dtype)]

    def target(self, source: Sequence[int]) -> tuple[int, ...]:
        """The output's shape for an input's; -1 in either is an open batch. Raises where the elements do not fit."""
        shape = list(self.shape)
        if shape.count(-1) == 2 and shape[0] == -1:
            shape[0] = 0
        misplaced = [i for i, n in enumerate(shape) if n < -1 or (n == 0 and i >= len(source))]
        if not shape or misplaced or shape.count(-1) > 1:
            raise self.misfit(source, "one -1 beside the batch, and 0 only where the input has an axis")
        shape = [source[i] if n == 0 else n for i, n in enumerate(shape)]
        if source[0] == -1:
            return self.open_target(source, shape)
        total, known = prod(source), prod(n for n in shape if n != -1)
        if total % known or (-1 not in shape and total != known):
            raise self.misfit(source, f"a shape of {total} elements")
        return tuple(total // known if n == -1 else n for n in shape)

    def open_target(self, source: Sequence[int], shape: list[int]) -> tuple[int, ...]:
        """The same under an open batch, which stays on axis 0."""
        if shape[0] != -1:
            raise self.misfit(source, "-1 or 0 on axis 0, where the input's batch is open")
        rest, known = prod(source[1:]), prod(n for n in shape[1:] if n != -1)
        if self.shape[0] == 0 or -1 in shape[1:]:  # the batch is copied
            if rest % known or (-1 not in shape[1:] and rest != known):
                raise self.misfit(source, f"{rest} elements beside the batch")
            return (-1, *(rest // known if n == -1 else n for n in shape[1:]))
        if rest % known and known % rest:  # windows or heads go into the batch or come out of it
            raise self.misfit(source, f"sizes whose product divides {rest}, or is a multiple of it, beside the batch")
        return (-1, *shape[1:])

    def misfit(self, source: Sequence[int], expected: str) -> WorkbenchError:
        got = ",".join(map(str, self.shape))
        return WorkbenchError(f"cannot reshape [{','.join(map(str, source))}] to shape={got}: expected {expected}")

    def reference(self, torch: Any, w: dict[str, Any], x: Any) -> Any:
        return x.reshape(self.target(x.shape))

    def openvino(self, ov: Any, w: dict[str, Any], x: Any) -> Any:
        source = [d.get_length() if d.is_static else -1 for d in x.get_partial_shape()]
        return ov.reshape(x, list(self.target(source)), False)

    strided = True

    def cuda(self, plan: Any, x: list[Any], w: dict[str, Any]) -> Any:
        return plan.reshape(x[0], plan.specs[0].shape)

    CASES = [
        Case("shape=-1,15", [(2, 3, 5)]),
        Case("shape=2,3,-1", [(2, 3, 5, 7)]),
        Case("shape=0,-1", [(2, 3, 5)]),
        Case("shape=0,15", [(2, 3, 5)]),
        Case("shape=0,0,5,1", [(2, 3, 5)]),
        Case("shape=-1,3,-1 act=sigmoid", [(2, 6, 5)]),
        Case("shape=-1,5", [(2, 3, 5)]),
        Case("shape=-1,6,5", [(2, 3, 5)]),
        Case("shape=-1", [(3, 5)]),
        Case("shape=0,4", [TensorSpec((3, 2, 2), "u8")]),
    ]
