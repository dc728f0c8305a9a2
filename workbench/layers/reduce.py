"""reduce: sum, product, extreme or mean over axes."""

from __future__ import annotations

import math
from typing import Any

from cuda_ops import reduce as kernels
from workbench.errors import WorkbenchError
from workbench.graph import TensorSpec
from workbench.layers.base import FLOATING, Case, Ints, Layer, axis_of, key, layer, want_dtype

# The dictionary's symbols, two of which mean the same each time, by what torch and OpenVINO call them.
MODES = {
    "sum": ("sum", "reduce_sum"),
    "add": ("sum", "reduce_sum"),
    "prod": ("prod", "reduce_prod"),
    "mul": ("prod", "reduce_prod"),
    "max": ("amax", "reduce_max"),
    "min": ("amin", "reduce_min"),
    "avg": ("mean", "reduce_mean"),
    "mean": ("mean", "reduce_mean"),
}


@layer("reduce")
class Reduce(Layer):
    """One value for each line of elements along `axis`, which stays with size 1 unless keepdim=0."""

    mode: str = key(among=tuple(MODES), doc="add is sum, mul is prod, avg is mean")
    axis: Ints = key(doc="the axes that are reduced")
    keepdim: int = key(1, doc="0 drops the axes")

    @property
    def exact(self) -> bool:
        return self.mode in ("max", "min")

    def infer(self, x: TensorSpec) -> list[TensorSpec]:
        want_dtype(x, *FLOATING)
        axes = {axis_of(axis, x) for axis in self.axis}
        if not axes or len(axes) != len(self.axis):
            raise WorkbenchError(f"expected distinct axes of {x}; got axis={self.axis}")
        sizes = [1 if i in axes else n for i, n in enumerate(x.shape) if self.keepdim or i not in axes]
        return [TensorSpec(tuple(sizes), x.dtype)]

    def reference(self, torch: Any, w: dict[str, Any], x: Any) -> Any:
        f, keepdim = getattr(torch, MODES[self.mode][0]), bool(self.keepdim)
        if f is not torch.prod:
            return f(x, self.axis, keepdim)
        for axis in sorted((a % x.ndim for a in self.axis), reverse=True):  # torch.prod takes one axis at a time
            x = f(x, axis, keepdim)
        return x

    def openvino(self, ov: Any, w: dict[str, Any], x: Any) -> Any:
        return getattr(ov, MODES[self.mode][1])(x, list(self.axis), bool(self.keepdim))

    def cuda(self, plan: Any, x: list[Any], w: dict[str, Any]) -> Any:
        mode = {"add": "sum", "mul": "prod", "avg": "mean"}.get(self.mode, self.mode)
        left = sorted(a % len(x[0].shape) for a in self.axis)
        y, shape = x[0], list(x[0].shape)
        while left:  # axes that are neighbours at once, the last ones first
            first = last = left.pop()
            while left and left[-1] == first - 1:
                first = left.pop()
            seen = [*shape[:first], math.prod(shape[first : last + 1]), *shape[last + 1 :]]
            shape[first : last + 1] = [1] * (last - first + 1)
            given = plan.tensor(shape) if left else plan.output()
            y = plan.run(kernels.reduce(y, given, seen, first, mode), given)
        return y

    CASES = [
        *[Case(f"mode={mode} axis=1", [(2, 3, 5)]) for mode in MODES],
        *[Case(f"mode={mode} axis=-1,-2 keepdim=0", [(2, 3, 5, 7)]) for mode in ("sum", "prod", "max", "mean")],
        Case("mode=min axis=0 act=relu", [(2, 3)]),
        Case("mode=avg axis=0,1 keepdim=0", [(3, 5)]),
    ]
