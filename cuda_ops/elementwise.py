"""Launches of elementwise.cu: chains of operations over up to three inputs that broadcast."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from .launch import Act, Launch, ceil_div, contiguous

# the numbers by which elementwise.cu knows what is not an activation
_FUNCTIONS = """abs neg exp log sqrt rsqrt recip square sin cos tan sinh cosh asin acos atan asinh acosh atanh erf floor
ceil round sign threshold replace_inf"""
FUNCTIONS = {name: 32 + i for i, name in enumerate(_FUNCTIONS.split())}
_OPERATIONS = "add sub rsub mul div rdiv max min pow mod greater less equal fmod"
OPERATIONS = {name: 64 + i for i, name in enumerate(_OPERATIONS.split())}
RANK = 4


class Step(NamedTuple):
    """An operation with an operand: "b" or "c" (the second and third input) or a number."""

    operation: str
    operand: str | float


class Function(NamedTuple):
    """One of FUNCTIONS with its numbers.

    threshold: x where x > alpha, or beta where that is not 0; else 0. replace_inf: alpha where x is infinite.
    """

    name: str
    alpha: float = 0.0
    beta: float = 0.0


Chain = Sequence[Act | Step | Function | str]  # str: one of FUNCTIONS


def encode_step(step: Act | Step | Function | str) -> tuple[int, int, float, float]:
    """(operation, operand, alpha, beta) as the kernel reads them."""
    if isinstance(step, Act):
        return step.number, 0, step.alpha, step.beta
    if isinstance(step, Function):
        return FUNCTIONS[step.name], 0, step.alpha, step.beta
    if isinstance(step, Step):
        if step.operand in ("b", "c"):
            return OPERATIONS[step.operation], 1 if step.operand == "b" else 2, 0.0, 0.0
        return OPERATIONS[step.operation], 3, float(step.operand), 0.0
    return FUNCTIONS[step], 0, 0.0, 0.0


def broadcast_strides(shape: Sequence[int], own: Sequence[int], strides: Sequence[int] | None = None) -> list[int]:
    """Strides (by default of a tensor without gaps) of shape `own`, seen as `shape`: 0 where it broadcasts."""
    strides = contiguous(own) if strides is None else strides
    missing = len(shape) - len(own)
    return [0] * missing + [0 if n == 1 else s for n, s in zip(own, strides, strict=True)]


def merge_dimensions(shape: Sequence[int], strides: Sequence[Sequence[int]]) -> tuple[list[int], list[list[int]]]:
    """The output's shape and the inputs' strides (0: broadcast) with as few dimensions as they allow."""
    dims: list[int] = []
    merged: list[list[int]] = [[] for _ in strides]
    for d, size in enumerate(shape):
        if size == 1:
            continue
        if dims and all(m[-1] == s[d] * size for m, s in zip(merged, strides, strict=True)):
            dims[-1] *= size
            for m, s in zip(merged, strides, strict=True):
                m[-1] = s[d]
        else:
            dims.append(size)
            for m, s in zip(merged, strides, strict=True):
                m.append(s[d])
    return dims, merged


def elementwise(chain: Chain, inputs: Sequence[tuple[Any, ...]], y: Any, shape: Sequence[int]) -> Launch:
    """y = chain(a, b, c): inputs are one to three (tensor, shape), or (tensor, shape, strides), that broadcast to
    `shape`. Tensors with strides may start at any element.

    Raises ValueError where more than four dimensions are left after merging.
    """
    own = [broadcast_strides(shape, *laid) for _, *laid in inputs]
    dims, strides = merge_dimensions(shape, own)
    if len(dims) > RANK:
        raise ValueError(
            f"elementwise over {len(dims)} dimensions that do not merge, of shape {tuple(shape)}; at most {RANK}"
        )
    front = RANK - len(dims)
    layout = [1] * front + dims + [v for s in strides for v in [0] * front + s] + [0] * RANK * (3 - len(inputs))
    steps = [encode_step(step) for step in chain]
    words = [w for op, operand, a, b in steps for w in (op, operand, *np.array([a, b], np.float32).view(np.int32))]
    plan, count = np.array([*words, *layout], np.int32), int(np.prod(shape))
    tensors = [tensor for tensor, *_ in inputs] + [None] * (3 - len(inputs))
    same = all(len(laid) == 1 and tuple(laid[0]) == tuple(shape) for _, *laid in inputs) and count % 4 == 0
    function, threads = ("elementwise_flat", count // 4) if same else ("elementwise", count)
    args = (*tensors, y, plan, len(steps), count)
    return Launch("elementwise", function, (ceil_div(threads, 256), 1, 1), (256, 1, 1), args)
