"""The verdict on one line, as data and as a line of text."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from workbench.compare.metrics import Metrics
from workbench.graph import Node


class Status(StrEnum):
    """What is known of a line."""

    PASSED = "passed"
    FAILED = "failed"  # wrong with the original's own inputs
    DRIFT = "drift"  # right alone, but what reaches it has moved too far
    UNCHECKED = "not checked"  # no tie: the line named in judged_by decides
    UNSUPPORTED = "unsupported"
    STALE = "stale"


MARKS = {
    Status.PASSED: "✓",
    Status.FAILED: "✗",
    Status.DRIFT: "△",
    Status.UNCHECKED: "·",
    Status.UNSUPPORTED: "⊘",
    Status.STALE: "◐",
}


@dataclass(frozen=True)
class Isolated:
    """One output of a region fed with the original's tensors; `reference` is the torch reference's own error."""

    engine: Metrics
    reference: float
    noise: float
    tolerance: float

    @property
    def passed(self) -> bool:
        return self.engine.error <= self.tolerance

    @property
    def side(self) -> str:
        """Where a failure comes from: the config (or its weights), or the engine's lowering of a right config."""
        return "" if self.passed else "engine" if self.reference <= self.tolerance else "config"


@dataclass(frozen=True)
class LineResult:
    """The verdict on one line. `cumulative` and its tolerance are NaN where the line was only checked alone."""

    node: Node
    status: Status
    isolated: Isolated | None = None
    cumulative: float = float("nan")
    cumulative_tolerance: float = float("nan")
    region: tuple[Node, ...] = ()
    judged_by: Node | None = None
    message: str = ""

    @property
    def note(self) -> str:
        """What there is to say besides the numbers."""
        if self.message:
            return self.message
        return f"judged by line {self.judged_by.where.line}" if self.judged_by else ""

    def __str__(self) -> str:
        numbers = (
            f"{sci(self.isolated.engine.error)} of {sci(self.isolated.tolerance)} allowed" if self.isolated else ""
        )
        said = [str(self.status), numbers, self.node.tie and f"equals {self.node.tie}", self.note]
        return f"{MARKS[self.status]} {self.node.where} {self.node}: {', '.join(filter(None, said))}"

    def __repr__(self) -> str:
        return str(self)


def sci(value: float) -> str:
    """Two digits; `exact` for 0 and nothing for NaN."""
    return "" if math.isnan(value) else "exact" if value == 0 else f"{value:.1e}"
