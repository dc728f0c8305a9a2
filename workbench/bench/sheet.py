"""The benchmark sheet: fps, memory, batch, precision and error, a row for each contestant."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from workbench.bench.table import Table, number


@dataclass(frozen=True)
class Row:
    """Milliseconds a run (median, fastest, slowest); `speedup`: how many times faster our engine ran, round by round.

    `peak` is the most RAM in MB that a process of its own held and `memory` that as a part of PyTorch's; NaN where it
    was not measured. `errors` are the outputs' parts against the original, relative to the part's range.
    """

    contestant: str
    batch: int
    precision: str
    ms: float
    fastest: float
    slowest: float
    speedup: float = math.nan
    peak: float = math.nan
    memory: float = math.nan
    errors: dict[str, float] = field(default_factory=dict)

    @property
    def fps(self) -> float:
        return 1e3 * self.batch / self.ms

    @property
    def error(self) -> float:
        """The worst part's."""
        return max(self.errors.values(), default=math.nan)

    def cells(self) -> list[str]:
        times = [f"{v:.1f}" for v in (self.ms, self.fastest, self.slowest, self.fps)]
        return [
            self.contestant,
            str(self.batch),
            self.precision,
            *times,
            number(self.speedup, "{:.2f} x"),
            number(self.peak, "{:.0f}"),
            number(self.memory, "{:.2f} x"),
            number(self.error, "{:.1e}"),
        ]


@dataclass(frozen=True)
class Sheet(Table):
    """What `workbench bench` measured."""

    HEAD = ("contestant", "batch", "precision", "ms", "from", "to", "fps", "ours is faster", "peak MB", "of PyTorch's",
            "error")  # fmt: skip

    rows: list[Row]

    def row(self, contestant: str, batch: int = 1, precision: str = "f32") -> Row:
        """The first row of that contestant, batch and precision; StopIteration where there is none."""
        return next(r for r in self.rows if (r.contestant, r.batch, r.precision) == (contestant, batch, precision))

    def below(self) -> list[str]:
        worst = [
            f"error of {r.contestant} {r.precision}, batch {r.batch}: "
            + ", ".join(f"{part} {value:.1e}" for part, value in r.errors.items())
            for r in self.rows
            if r.errors
        ]
        return [*super().below(), *worst]
