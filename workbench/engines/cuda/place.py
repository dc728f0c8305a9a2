"""Fewer copies: what is copied into a concat's place is computed there."""

from __future__ import annotations

from collections import defaultdict

from workbench.engines.cuda.steps import CopyStep, Lowered, Step
from workbench.engines.cuda.tensor import ALIGNMENT, Buffer, Tensor

Region = tuple[int, int]  # bytes of a buffer


def place(lowered: Lowered) -> None:
    """Make the source of each copy a part of its target where it can be one; such copies go."""
    fed = {t.buffer for t in lowered.inputs.values()}
    written: dict[Buffer, list[tuple[Step, Region]]] = defaultdict(list)
    for step in lowered.steps:
        for t in step.writes:
            written[t.buffer].append((step, t.span()))
    left = []
    for step in lowered.steps:
        if isinstance(step, CopyStep) and _fits(step, fed, written):
            step.x.buffer.parent, step.x.buffer.offset = step.y.buffer, step.y.start
        else:
            left.append(step)
    lowered.steps[:] = left


def _fits(step: CopyStep, fed: set[Buffer], written: dict[Buffer, list[tuple[Step, Region]]]) -> bool:
    x, y = step.x, step.y
    free = x.buffer.parent is None and x.buffer.constant is None and x.buffer not in fed and x.whole
    if not (free and y.contiguous and y.buffer.root is not x.buffer and _aligned(y)):
        return False
    low, high = y.span()
    others = [region for other, region in written[y.buffer] if other is not step]
    return all(end <= low or high <= start for start, end in others)


def _aligned(y: Tensor) -> bool:
    return (y.buffer.start + y.start) % ALIGNMENT == 0
