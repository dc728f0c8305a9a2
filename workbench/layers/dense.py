"""dense: y = x · wᵀ + a over the last axis."""

from __future__ import annotations

import math
from typing import Any

from cuda_ops import matmul as kernels
from workbench.errors import WorkbenchError
from workbench.graph import TensorSpec
from workbench.layers.base import FLOATING, Case, Layer, key, layer, want_dtype
from workbench.layers.batchnorm import require_order


@layer("dense")
class Dense(Layer):
    """torch.nn.Linear: [..., c] → [..., hidden], kernel [hidden, c]; a pooled map [n, c, 1, 1] counts as [n, c]."""

    hidden: int = key(doc="output features")
    weight_order: str = key("wa", doc="w kernel, a bias")

    def weights(self, x: TensorSpec) -> list[tuple[str, tuple[int, ...]]]:
        features = flat(x.shape)[-1]
        return [(letter, (self.hidden, features) if letter == "w" else (self.hidden,)) for letter in self.weight_order]

    def infer(self, x: TensorSpec) -> list[TensorSpec]:
        want_dtype(x, *FLOATING)
        require_order(self.weight_order, "wa")
        if len(x.shape) < 2 or self.hidden < 1:
            raise WorkbenchError(f"expected at least 2 axes and a hidden of at least 1; got {x} and {self.hidden}")
        return [TensorSpec((*flat(x.shape)[:-1], self.hidden))]

    def reference(self, torch: Any, w: dict[str, Any], x: Any) -> Any:
        return torch.nn.functional.linear(x.reshape(flat(x.shape)), w["w"], w.get("a"))

    def openvino(self, ov: Any, w: dict[str, Any], x: Any) -> Any:
        shape = x.get_partial_shape()
        if is_pooled_map([d.get_length() if d.is_static else -1 for d in shape]):
            x = ov.reshape(x, [0, shape[1].get_length()], special_zero=True)
        y = ov.matmul(x, w["w"], False, True)
        return ov.add(y, w["a"]) if "a" in w else y

    def cuda(self, plan: Any, x: list[Any], w: dict[str, Any]) -> Any:
        *rows, depth = flat(x[0].shape)
        weights = plan.constant(w["w"])
        sides = (math.prod(rows), self.hidden, depth, x[0], weights, w.get("a"))
        bias = plan.constant(w["a"]) if "a" in w else None

        def make(y: Any, e: Any) -> Any:
            return kernels.dense(*sides, y, residual=e.residual, act=e.act, add_after_act=e.after, plain_bias=bias)

        return plan.product(make, terms=depth)

    CASES = [
        Case("hidden=7", [(2, 5)]),
        Case("hidden=4 weight_order=w", [(2, 3, 5)]),
        Case("hidden=6 weight_order=aw", [(2, 3, 4, 5)]),
        Case("hidden=9", [(2, 16, 1, 1)]),
    ]


def is_pooled_map(shape: Any) -> bool:
    return len(shape) == 4 and tuple(shape[2:]) == (1, 1)


def flat(shape: Any) -> tuple[int, ...]:
    """The shape without the two axes of a pooled map."""
    return tuple(shape[:2] if is_pooled_map(shape) else shape)
