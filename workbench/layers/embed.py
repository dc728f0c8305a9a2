"""embed: rows of a table picked by index."""

from __future__ import annotations

from typing import Any

from cuda_ops import gather as kernels
from workbench.errors import WorkbenchError
from workbench.graph import TensorSpec
from workbench.layers.base import Case, Ints, Layer, key, layer, want_dtype, want_mode

INDICES = ("i32", "i64", "u32", "u8", "i8")


@layer("embed")
class Embed(Layer):
    """torch.nn.Embedding: integers [...] → [..., features]; an index must be below the table's rows."""

    mode: str = key("", among=("vit_b32",), doc="left out: a plain table")
    table_shape: Ints = key(Ints(), doc="rows,features of the table")

    @property
    def exact(self) -> bool:
        return True

    def weights(self, x: TensorSpec) -> list[tuple[str, tuple[int, ...]]]:
        return [("w", tuple(self.table_shape))]

    def infer(self, x: TensorSpec) -> list[TensorSpec]:
        want_mode(self.mode, "")
        want_dtype(x, *INDICES)
        if len(self.table_shape) != 2 or min(self.table_shape) < 1:
            raise WorkbenchError(f"expected table_shape=rows,features; got '{','.join(map(str, self.table_shape))}'")
        return [TensorSpec((*x.shape, self.table_shape[1]))]

    def reference(self, torch: Any, w: dict[str, Any], x: Any) -> Any:
        rows = self.table_shape[0]
        if x.numel() and not 0 <= x.min() <= x.max() < rows:
            raise WorkbenchError(f"expected an index from 0 to {rows - 1}; got {int(x.min())} to {int(x.max())}")
        return torch.nn.functional.embedding(x.long(), w["w"])

    def openvino(self, ov: Any, w: dict[str, Any], x: Any) -> Any:
        return ov.gather(w["w"], ov.convert(x, "i64"), 0)

    def cuda(self, plan: Any, x: list[Any], w: dict[str, Any]) -> Any:
        y, table = plan.output(), plan.constant(w["w"])
        return plan.run(kernels.gather(table, plan.cast(x[0], "i32"), y, table.shape, 0, x[0].count), y)

    CASES = [
        Case("table_shape=9,4", [TensorSpec((2, 5), "i32")]),
        Case("table_shape=200,3", [TensorSpec((2, 3, 1), "u8")]),
    ]
