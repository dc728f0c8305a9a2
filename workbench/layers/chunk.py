"""chunk: one tensor cut into `count` pieces along an axis, as torch.chunk cuts it."""

from __future__ import annotations

from typing import Any

from workbench.errors import WorkbenchError
from workbench.graph import TensorSpec
from workbench.layers.base import Case, Layer, axis_of, key, layer, want_mode


@layer("chunk")
class Chunk(Layer):
    """`count` pieces of ceil(n / count), the last one smaller where n does not divide; act= applies to each."""

    mode: str = key("", doc="left out; no mode is known here")
    axis: int = key(0, doc="the axis that is cut")
    count: int = key(doc="number of pieces, which is the number of outputs")

    @property
    def outputs(self) -> int:
        return self.count

    @property
    def exact(self) -> bool:
        return True

    def infer(self, x: TensorSpec) -> list[TensorSpec]:
        want_mode(self.mode, "")
        axis = axis_of(self.axis, x)
        return [
            TensorSpec((*x.shape[:axis], n, *x.shape[axis + 1 :]), x.dtype)
            for n in piece_sizes(x.shape[axis], self.count)
        ]

    def reference(self, torch: Any, w: dict[str, Any], x: Any) -> Any:
        return list(torch.split(x, piece_sizes(x.shape[self.axis], self.count), self.axis))

    def openvino(self, ov: Any, w: dict[str, Any], x: Any) -> Any:
        size = x.get_partial_shape()[self.axis].get_length()
        return ov.variadic_split(x, self.axis, piece_sizes(size, self.count)).outputs()

    def cuda(self, plan: Any, x: list[Any], w: dict[str, Any]) -> Any:
        sizes = piece_sizes(x[0].shape[self.axis], self.count)
        return [x[0].narrow(self.axis, sum(sizes[:i]), n) for i, n in enumerate(sizes)]

    CASES = [
        Case("count=2 axis=1", [(2, 6, 5, 7)]),
        Case("count=3 axis=-1 act=silu", [(2, 3, 7)]),
        Case("count=2", [(4, 3)]),
        Case("count=1 axis=1", [(2, 3)]),
        Case("count=2 axis=1", [TensorSpec((2, 5), "u8")]),
    ]


def piece_sizes(size: int, count: int) -> list[int]:
    """The sizes of `count` pieces; raises where so many cannot be cut."""
    if count < 1 or size < 0:
        raise WorkbenchError(f"expected count of at least 1 and an axis of known size; got count={count}, size {size}")
    step = -(-size // count)
    sizes = [min(step, size - at) for at in range(0, size, step)]
    if len(sizes) != count:
        raise WorkbenchError(
            f"an axis of {size} cannot be cut into {count} pieces of {step}: that makes {len(sizes)}",
            note="torch.chunk returns fewer pieces then; give their number as count",
        )
    return sizes
