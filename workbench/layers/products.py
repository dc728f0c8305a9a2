"""Batched matrix products on the cuda engine, shared by the layers that are made of them."""

from __future__ import annotations

from typing import Any

from cuda_ops import matmul as kernels

BATCHES = 2  # batch indices of the kernel


def batched(plan: Any, a: Any, b: Any, y: Any, scale: float = 1.0, act: Any = None) -> Any:
    """y [.., n, m] = act(scale * a [.., n, k] @ b [.., k, m]), the other axes broadcast. a, b: any strides.

    act is the line's, unless another is given.
    """
    batch = y.shape[:-2]
    a, b = (_with_rows(plan, t).expand((*batch, *t.shape[-2:])) for t in (a, b))
    merged = _merged(batch, [a.strides, b.strides, y.strides])
    if len(merged) > BATCHES:
        a, b = plan.packed(a), plan.packed(b)
        merged = _merged(batch, [a.strides, b.strides, y.strides])
    merged = [(1, 0, 0, 0)] * (BATCHES - len(merged)) + merged
    (outer, *_), (inner, *_) = merged
    layouts = [_layout(t, [steps[i] for _, *steps in merged]) for i, t in enumerate((a, b, y))]
    shape = (y.shape[-2], y.shape[-1], a.shape[-1])

    def make(y: Any, e: Any) -> Any:
        sides = ((t, layout) for t, layout in zip((a, b, y), layouts, strict=True))
        added = {"residual": e.residual, "act": e.act, "add_after_act": e.after}
        return kernels.matmul(*shape, *sides, batch=(outer, inner), scale=scale, **added)

    return plan.product(make, a.shape[-1], y, act=act)


def _with_rows(plan: Any, t: Any) -> Any:
    """t with rows or columns without gaps, as the kernel reads them."""
    return t if 1 in t.strides[-2:] else plan.packed(t)


def _layout(t: Any, steps: list[int]) -> kernels.Matrix:
    transposed = t.strides[-1] != 1 and t.shape[-1] != 1
    return kernels.Matrix(t.strides[-1 if transposed else -2], steps[0], steps[1], transposed)


def _merged(batch: tuple[int, ...], strides: list[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """(size, step of each operand) of batch axes, neighbours that step evenly as one."""
    merged: list[tuple[int, ...]] = []
    for d, size in enumerate(batch):
        steps = tuple(s[d] for s in strides)
        if size == 1:
            continue
        if merged and all(before == step * size for before, step in zip(merged[-1][1:], steps, strict=True)):
            merged[-1] = (merged[-1][0] * size, *steps)
        else:
            merged.append((size, *steps))
    return merged
