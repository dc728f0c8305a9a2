"""Fewer copies: what is copied into a concat's place is computed there."""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

from workbench.engines.cuda.steps import CopyStep, Lowered, Step
from workbench.engines.cuda.tensor import ALIGNMENT, Buffer


class Write(NamedTuple):
    """A step's writing of the bytes low ... high of a buffer."""

    step: Step
    low: int
    high: int


def place(lowered: Lowered) -> None:
    """Make the source of each copy a part of its target where it can be one; such copies go."""
    fed = {t.buffer for t in lowered.inputs.values()}
    written: dict[Buffer, list[Write]] = defaultdict(list)
    for step in lowered.steps:
        for t in step.writes:
            written[t.buffer].append(Write(step, *t.span()))
    left = []
    for step in lowered.steps:
        if not isinstance(step, CopyStep) or not _joined(step, fed, written):
            left.append(step)
    lowered.steps[:] = left


def _joined(step: CopyStep, fed: set[Buffer], written: dict[Buffer, list[Write]]) -> bool:
    """Whether the copy's source lies, from now on, where it would be copied to."""
    source, target, shift = step.x.buffer, step.y.buffer, _shift(step)
    if shift is None:
        return False
    if source.parent is target:
        return source.offset == shift
    free = source.parent is None and source.constant is None and source not in fed and target.root is not source
    fits = 0 <= shift <= target.nbytes - source.nbytes and (target.start + shift) % ALIGNMENT == 0
    if not (free and fits and _undisturbed(source, shift, written[target])):
        return False
    source.parent, source.offset = target, shift
    return True


def _shift(step: CopyStep) -> int | None:
    """How many bytes further in the target each byte of the source lies; None where either side has gaps."""
    x, y = step.x, step.y
    return y.start - x.start if x.contiguous and y.contiguous else None


def _undisturbed(source: Buffer, shift: int, writes: list[Write]) -> bool:
    """Whether none but copies of the source itself, in the same place, write where all of it would lie."""
    for step, low, high in writes:
        apart = high <= shift or low >= shift + source.nbytes
        own = isinstance(step, CopyStep) and step.x.buffer is source and _shift(step) == shift
        if not (apart or own):
            return False
    return True
