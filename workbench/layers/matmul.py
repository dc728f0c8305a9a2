"""matmul: the matrix product of two tensors' last two axes."""

from __future__ import annotations

import math
from typing import Any

from workbench.errors import WorkbenchError
from workbench.graph import TensorSpec
from workbench.layers.base import FLOATING, Case, Layer, key, layer, want_dtype
from workbench.layers.broadcast import broadcast, same_dtype
from workbench.layers.products import batched


@layer("matmul")
class MatMul(Layer):
    """torch.matmul of a [.., n, k] and b [.., k, m], the other axes broadcast; trans_a, trans_b swap the last two."""

    arity = (2, 2)
    trans_a: int = key(0, doc="1: a is [.., k, n]")
    trans_b: int = key(0, doc="1: b is [.., m, k]")

    def infer(self, a: TensorSpec, b: TensorSpec) -> list[TensorSpec]:
        want_dtype(a, *FLOATING)
        if min(len(a.shape), len(b.shape)) < 2:
            raise WorkbenchError(f"expected two tensors of at least 2 axes; got {a} and {b}")
        n, k = a.shape[-2:][:: -1 if self.trans_a else 1]
        inner, m = b.shape[-2:][:: -1 if self.trans_b else 1]
        if k != inner or -1 in (k, m):
            raise WorkbenchError(
                f"expected a [.., n, k] and b [.., k, m] with trans_a={self.trans_a} trans_b={self.trans_b}; "
                f"got {a} and {b}",
                note="trans_a=1 or trans_b=1 swaps the last two axes",
            )
        shape = (*broadcast(a.shape[:-2], b.shape[:-2]), n, m)
        if -1 in shape[1:]:
            raise WorkbenchError(f"the open batch would not stay on axis 0; got {a} and {b}")
        return [TensorSpec(shape, same_dtype(a, b))]

    def flops(self, *x: TensorSpec) -> int:
        (y,) = self.infer(*x)
        return 2 * math.prod(abs(n) for n in y.shape) * x[0].shape[-2 if self.trans_a else -1]

    def reference(self, torch: Any, w: dict[str, Any], a: Any, b: Any) -> Any:
        return torch.matmul(a.mT if self.trans_a else a, b.mT if self.trans_b else b)

    def openvino(self, ov: Any, w: dict[str, Any], a: Any, b: Any) -> Any:
        return ov.matmul(a, b, bool(self.trans_a), bool(self.trans_b))

    strided = True

    def cuda(self, plan: Any, x: list[Any], w: dict[str, Any]) -> Any:
        a, b = (t.permute((*range(len(t.shape) - 2), -1, -2)) if swap else t
                for t, swap in zip(x, (self.trans_a, self.trans_b), strict=True))  # fmt: skip
        return batched(plan, a, b, plan.output())

    CASES = [
        Case("", [(2, 3, 5), (2, 5, 7)]),
        Case("trans_b=1", [(2, 4, 3, 5), (2, 4, 7, 5)]),
        Case("trans_a=1", [(2, 5, 3), (2, 5, 7)]),
        Case("trans_a=1 trans_b=1 act=relu", [(2, 5, 3), (2, 7, 5)]),
        Case("", [(2, 4, 3, 5), (1, 1, 5, 7)]),
        Case("", [(2, 3, 5), (5, 7)]),
        Case("", [(3, 5), (5, 7)]),
    ]
