"""simpleop: one function of each element, with one number where it takes one."""

from __future__ import annotations

from typing import Any

import numpy as np

from cuda_ops.elementwise import Step
from workbench.graph import TensorSpec
from workbench.layers.base import FLOATING, Case, Layer, key, layer, want_dtype

# Functions of one number: the name in torch is the name here, and in OpenVINO but for these. round goes to even.
UNARY = ("round", "log", "floor", "abs", "sqrt", "exp", "sin", "cos", "tan", "sinh", "cosh", "asin", "acos", "atan",
         "asinh", "acosh", "atanh", "sign")  # fmt: skip
OPENVINO_NAME = {"abs": "absolute"}


@layer("simpleop")
class SimpleOp(Layer):
    """add, sum: x + value; prod, mul: x * value; recip: value / x; the others take no value. round: half to even."""

    mode: str = key(among=("add", "sum", "prod", "recip", "mul", *UNARY), doc="the function")
    value: float = key(1.0, doc="operand of add, sum, prod, mul and recip")

    @property
    def exact(self) -> bool:
        return self.mode in ("round", "floor", "abs", "sign")

    def infer(self, x: TensorSpec) -> list[TensorSpec]:
        want_dtype(x, *FLOATING)
        return [x]

    def reference(self, torch: Any, w: dict[str, Any], x: Any) -> Any:
        if self.mode in UNARY:
            return getattr(torch, self.mode)(x)
        if self.mode == "recip":
            return self.value / x
        return x + self.value if self.mode in ("add", "sum") else x * self.value

    def openvino(self, ov: Any, w: dict[str, Any], x: Any) -> Any:
        if self.mode in UNARY:
            return getattr(ov, OPENVINO_NAME.get(self.mode, self.mode))(x)
        value = ov.constant(self.value, x.get_element_type())
        if self.mode == "recip":
            return ov.divide(value, x)
        return ov.add(x, value) if self.mode in ("add", "sum") else ov.multiply(x, value)

    strided = True

    def cuda(self, plan: Any, x: list[Any], w: dict[str, Any]) -> Any:
        if self.mode in UNARY:
            return plan.chain([self.mode], x)
        step = {"recip": "rdiv", "add": "add", "sum": "add", "prod": "mul", "mul": "mul"}[self.mode]
        return plan.chain([Step(step, self.value)], x)

    CASES = [
        *[Case(f"mode={mode} value=-1.7", [(2, 3, 5)]) for mode in ("add", "sum", "prod", "mul")],
        Case("mode=recip", [(2, 3, 5)], positive=True),
        Case("mode=recip value=3 act=tanh", [(2, 3, 5)], positive=True),
        *[Case(f"mode={mode}", [(2, 3, 5)]) for mode in UNARY if mode not in
          ("log", "sqrt", "acosh", "asin", "acos", "atanh")],
        *[Case(f"mode={mode}", [(2, 3, 5)], positive=True) for mode in ("log", "sqrt")],
        Case("mode=acosh", [(2, 7)], feeds=lambda rng: [rng.uniform(1.1, 5, (2, 7)).astype(np.float32)]),
        *[Case(f"mode={mode}", [(2, 7)], feeds=lambda rng: [rng.uniform(-0.9, 0.9, (2, 7)).astype(np.float32)])
          for mode in ("asin", "acos", "atanh")],
        Case("mode=round", [(1, 6)], feeds=lambda rng: [np.array([[0.5, 1.5, 2.5, -0.5, -1.5, 3]], np.float32)]),
    ]  # fmt: skip
