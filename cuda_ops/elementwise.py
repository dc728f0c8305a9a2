"""Launches of elementwise.cu: chains of operations over up to three inputs that broadcast."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from .launch import Act, Launch, ceil_div

# the numbers by which elementwise.cu knows what is not an activation
_FUNCTIONS = """abs neg exp log sqrt rsqrt recip square sin cos tan sinh cosh asin acos atan asinh acosh atanh erf floor
ceil round sign"""
FUNCTIONS = {name: 32 + i for i, name in enumerate(_FUNCTIONS.split())}
_OPERATIONS = "add sub rsub mul div rdiv max min pow mod greater less equal"
OPERATIONS = {name: 64 + i for i, name in enumerate(_OPERATIONS.split())}
RANK = 4


class Step(NamedTuple):
    """An operation with an operand: "b" or "c" (the second and third input) or a number."""

    operation: str
    operand: str | float


Chain = Sequence[Act | Step | str]  # str: one of FUNCTIONS


def encode_step(step: Act | Step | str) -> tuple[int, int, float, float]:
    """(operation, operand, alpha, beta) as the kernel reads them."""
    if isinstance(step, Act):
        return step.number, 0, step.alpha, step.beta
    if isinstance(step, Step):
        if step.operand in ("b", "c"):
            return OPERATIONS[step.operation], 1 if step.operand == "b" else 2, 0.0, 0.0
        return OPERATIONS[step.operation], 3, float(step.operand), 0.0
    return FUNCTIONS[step], 0, 0.0, 0.0


def merge_dimensions(shape: Sequence[int], inputs: Sequence[Sequence[int]]) -> tuple[list[int], list[list[int]]]:
    """The output's shape and the inputs' strides (0: broadcast) with as few dimensions as they allow."""
    padded = [(1,) * (len(shape) - len(s)) + tuple(s) for s in inputs]
    strides = [[0 if s[d] == 1 else int(np.prod(s[d + 1 :])) for d in range(len(shape))] for s in padded]
    dims: list[int] = []
    merged: list[list[int]] = [[] for _ in inputs]
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


def elementwise(chain: Chain, inputs: Sequence[tuple[Any, Sequence[int]]], y: Any, shape: Sequence[int]) -> Launch:
    """y = chain(a, b, c): inputs are (tensor, shape) pairs, one to three, that broadcast to `shape`.

    Raises ValueError where more than four dimensions are left after merging.
    """
    dims, strides = merge_dimensions(shape, [s for _, s in inputs])
    if len(dims) > RANK:
        raise ValueError(
            f"elementwise over {len(dims)} dimensions that do not merge, of shape {tuple(shape)}; at most {RANK}"
        )
    front = RANK - len(dims)
    layout = [1] * front + dims + [v for s in strides for v in [0] * front + s] + [0] * RANK * (3 - len(inputs))
    steps = [encode_step(step) for step in chain]
    words = [w for op, operand, a, b in steps for w in (op, operand, *np.array([a, b], np.float32).view(np.int32))]
    plan, count = np.array([*words, *layout], np.int32), int(np.prod(shape))
    tensors = [tensor for tensor, _ in inputs] + [None] * (3 - len(inputs))
    same = all(tuple(s) == tuple(shape) for _, s in inputs) and count % 4 == 0
    function, threads = ("elementwise_flat", count // 4) if same else ("elementwise", count)
    args = (*tensors, y, plan, len(steps), count)
    return Launch("elementwise", function, (ceil_div(threads, 256), 1, 1), (256, 1, 1), args)
