"""The engine as it is built for use against the one that was checked line by line: fusion must change nothing."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from workbench.compare.result import LineResult, sci
from workbench.compare.verdict import error, tolerance
from workbench.diagnose.locate import Located

if TYPE_CHECKING:
    from workbench.session import Session


def production(session: Session, found: Located) -> list[str]:
    """What to tell of it: equal, apart by rounding, or where more than that begins."""
    assert found.checker is not None
    apart, notes = session.production(found.sound, found.checker)
    if not apart:
        return notes
    worst = max(apart.values())
    if worst == 0:
        return ["checked and production engine give the same outputs, bit for bit"]
    by = ", ".join(f"{name} {sci(e)}" for name, e in apart.items())
    if worst <= tolerance(0.0, session.precision):
        return [f"checked and production engine are apart by rounding alone: {by}; fused lines round less often"]
    line = _first_apart(session, found)
    return [f"the production engine gives other outputs than the checked one: {by}; " + (
        f"the first line that fusion or precision moves too far is {line.node.where} {line.node}"
        if line else "every line by itself, tapped, is within what was allowed for it")]  # fmt: skip


def _first_apart(session: Session, found: Located) -> LineResult | None:
    """By bisection: the production engine is built with one line's tensor as an output more, which hinders no fusion
    but that line's own."""
    lines = [r for r in found.results if r.node.outputs[0] in found.originals]
    low, high = 0, len(lines)
    while low < high:
        middle = (low + high) // 2
        if _moved(session, found, lines[middle]):
            high = middle
        else:
            low = middle + 1
    return lines[low] if low < len(lines) else None


def _moved(session: Session, found: Located, line: LineResult) -> bool:
    """Whether the line's tensor in the production engine is further off than the check allowed it to be."""
    tensor = line.node.outputs[0]
    feeds = session.feeds(found.sound)
    with session.network().build(session.engine, session.precision, taps=(tensor,), threads=session.threads) as engine:
        got = engine.run(feeds, check=False)[tensor]
    allowed = line.cumulative_tolerance
    allowed = tolerance(0.0, session.precision) if math.isnan(allowed) else allowed
    return error(got, found.originals[tensor]) > allowed
