"""trans: the axes in another order."""

from __future__ import annotations

from typing import Any

from workbench.errors import WorkbenchError
from workbench.graph import TensorSpec
from workbench.layers.base import Case, Ints, Layer, key, layer


@layer("trans")
class Trans(Layer):
    """torch.permute: output axis i is input axis order[i]; an open batch stays axis 0."""

    order: Ints = key(doc="input axis of every output axis")

    @property
    def exact(self) -> bool:
        return True

    def infer(self, x: TensorSpec) -> list[TensorSpec]:
        rank = len(x.shape)
        if sorted(self.axes(rank)) != list(range(rank)):
            raise WorkbenchError(f"expected order to hold each axis 0 to {rank - 1} of {x} once; got {self.order}")
        shape = tuple(x.shape[i] for i in self.axes(rank))
        if -1 in shape[1:]:
            raise WorkbenchError(
                f"order={self.order} moves the open batch of {x} from axis 0",
                note="fix the batch, or keep axis 0 first",
            )
        return [TensorSpec(shape, x.dtype)]

    def axes(self, rank: int) -> list[int]:
        return [i + rank if -rank <= i < 0 else i for i in self.order]

    def reference(self, torch: Any, w: dict[str, Any], x: Any) -> Any:
        return x.permute(self.order)

    def openvino(self, ov: Any, w: dict[str, Any], x: Any) -> Any:
        return ov.transpose(x, self.axes(len(self.order)))

    strided = True

    def cuda(self, plan: Any, x: list[Any], w: dict[str, Any]) -> Any:
        return x[0].permute(self.axes(len(x[0].shape)))

    CASES = [
        Case("order=0,2,1", [(2, 3, 5)]),
        Case("order=0,2,3,1", [(2, 3, 5, 7)]),
        Case("order=2,0,3,1,4 act=relu", [(2, 3, 3, 2, 5)]),
        Case("order=0,-1,1", [TensorSpec((2, 3, 5), "u8")]),
    ]
