"""eltwise: several tensors joined element by element, with NumPy's broadcasting."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from typing import Any

from cuda_ops.elementwise import Step
from workbench.errors import WorkbenchError
from workbench.graph import TensorSpec
from workbench.layers.base import FLOATING, Case, Floats, Layer, key, layer, want_dtype
from workbench.layers.broadcast import MANY, broadcast, same_dtype


@dataclass(frozen=True)
class Mode:
    """One operator of two tensors, on torch, on OpenVINO and as cuda_ops.elementwise's steps; `integer`: it has
    a meaning on integers too."""

    torch: Callable[[Any, Any, Any], Any]
    openvino: str
    cuda: tuple[str, ...]
    integer: bool = False


ADD = Mode(lambda t, a, b: a + b, "add", ("add",), True)
MUL = Mode(lambda t, a, b: a * b, "multiply", ("mul",), True)

# floor is floor(a / b) (TensorRT's FLOOR_DIV); remainder has the divisor's sign (torch.remainder), mod the dividend's
# (torch.fmod, C's fmod).
MODES = {
    "add": ADD,
    "sum": ADD,
    "prod": MUL,
    "mul": MUL,
    "max": Mode(lambda t, a, b: t.maximum(a, b), "maximum", ("max",), True),
    "min": Mode(lambda t, a, b: t.minimum(a, b), "minimum", ("min",), True),
    "sub": Mode(lambda t, a, b: a - b, "subtract", ("sub",), True),
    "div": Mode(lambda t, a, b: a / b, "divide", ("div",)),
    "pow": Mode(lambda t, a, b: a**b, "power", ("pow",)),
    "floor": Mode(lambda t, a, b: t.floor(a / b), "divide", ("div", "floor")),
    "remainder": Mode(lambda t, a, b: t.remainder(a, b), "floor_mod", ("mod",)),
    "mod": Mode(lambda t, a, b: t.fmod(a, b), "mod", ("fmod",)),
}


@layer("eltwise")
class Eltwise(Layer):
    """x0 op x1 op x2 ..., from left to right; shapes broadcast. For add and sum each input is first times its scale."""

    arity = (2, MANY)
    mode: str = key(among=tuple(MODES), doc="floor is floor(a/b), remainder has b's sign, mod has a's")
    scale: Floats = key(Floats(1), doc="add, sum: one factor for all inputs or one for each")

    @property
    def exact(self) -> bool:
        return self.mode in ("max", "min")

    @property
    def scaled(self) -> bool:
        return any(s != 1 for s in self.scale)

    def infer(self, *x: TensorSpec) -> list[TensorSpec]:
        dtype = same_dtype(*x)
        want_dtype(x[0], *FLOATING, *(("i32",) if MODES[self.mode].integer and not self.scaled else ()))
        if self.scaled and MODES[self.mode] is not ADD:
            raise WorkbenchError(f"scale={self.scale}: mode={self.mode} takes no scale", note="only add and sum do")
        if len(self.scale) not in (1, len(x)):
            raise WorkbenchError(f"expected scale to hold 1 or {len(x)} numbers for {len(x)} inputs; got {self.scale}")
        return [TensorSpec(broadcast(*(t.shape for t in x)), dtype)]

    def reference(self, torch: Any, w: dict[str, Any], *x: Any) -> Any:
        if self.scaled:
            x = tuple(t * s for t, s in zip(x, self.factors(x), strict=True))
        return reduce(lambda a, b: MODES[self.mode].torch(torch, a, b), x)

    def openvino(self, ov: Any, w: dict[str, Any], *x: Any) -> Any:
        x = tuple(
            t if s == 1 else ov.multiply(t, ov.constant(s, t.get_element_type()))
            for t, s in zip(x, self.factors(x), strict=True)
        )
        step = getattr(ov, MODES[self.mode].openvino)
        if self.mode == "floor":
            return reduce(lambda a, b: ov.floor(step(a, b)), x)
        return reduce(step, x)

    def factors(self, x: tuple[Any, ...]) -> tuple[float, ...]:
        return self.scale if len(self.scale) == len(x) else self.scale * len(x)

    strided = True

    def cuda(self, plan: Any, x: list[Any], w: dict[str, Any]) -> Any:
        x = [t if s == 1 else plan.chain([Step("mul", s)], [t], plan.tensor(t.shape, t.dtype))
             for t, s in zip(x, self.factors(tuple(x)), strict=True)]  # fmt: skip
        steps = MODES[self.mode].cuda
        y = x[0]
        for i, t in enumerate(x[1:], 2):
            shape = broadcast(y.shape, t.shape)
            y = plan.chain([Step(steps[0], "b"), *steps[1:]], [y, t],
                           plan.output() if i == len(x) else plan.tensor(shape, t.dtype))  # fmt: skip
        return y

    CASES = [
        *[Case(f"mode={mode}", [(2, 3, 5, 7), (2, 3, 5, 7)], positive=mode == "pow") for mode in MODES],
        *[Case(f"mode={mode} act=relu", [(2, 3, 5), (2, 1, 5)]) for mode in ("sub", "div", "floor", "mod")],
        Case("mode=add", [(2, 3, 5), (5,)]),
        Case("mode=max", [(2, 1, 5), (1, 3, 1), (2, 3, 5)]),
        Case("mode=sub", [(2, 3), (2, 3), (1, 3)]),
        Case("mode=sum scale=0.5,-2,1", [(2, 3), (2, 3), (2, 1)]),
        Case("mode=add scale=3", [(2, 3), (2, 3)]),
        *[Case(f"mode={mode}", [TensorSpec((2, 3), "i32")] * 2) for mode, m in MODES.items() if m.integer],
    ]
