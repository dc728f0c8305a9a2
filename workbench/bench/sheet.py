"""The benchmark sheet: fps, memory, batch, precision and error, a row for each contestant."""

from __future__ import annotations

import csv
import html
import io
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

HEAD = ("contestant", "batch", "precision", "ms", "from", "to", "fps", "ours is faster", "peak MB", "error")


@dataclass(frozen=True)
class Row:
    """Milliseconds a run (median, fastest, slowest); `speedup`: how many times faster our engine ran, round by round.

    `peak` is the most RAM in MB that a process of its own held; NaN where it was not measured. `error` is the largest
    of the outputs' parts against the original, relative to the part's range.
    """

    contestant: str
    batch: int
    precision: str
    ms: float
    fastest: float
    slowest: float
    speedup: float = math.nan
    peak: float = math.nan
    error: float = math.nan

    def cells(self) -> list[str]:
        numbers = [f"{v:.1f}" for v in (self.ms, self.fastest, self.slowest, 1e3 * self.batch / self.ms)]
        speedup = "" if math.isnan(self.speedup) else f"{self.speedup:.2f} x"
        peak = "" if math.isnan(self.peak) else f"{self.peak:.0f}"
        error = "" if math.isnan(self.error) else f"{self.error:.1e}"
        return [self.contestant, str(self.batch), self.precision, *numbers, speedup, peak, error]


@dataclass(frozen=True)
class Sheet:
    """Rows, what they were measured on, and notes."""

    title: str
    rows: list[Row]
    machine: Mapping[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def row(self, contestant: str, batch: int, precision: str = "f32") -> Row:
        found = (r for r in self.rows if (r.contestant, r.batch, r.precision) == (contestant, batch, precision))
        return next(found)

    def __str__(self) -> str:
        table = [HEAD, *(tuple(r.cells()) for r in self.rows)]
        widths = [max(len(row[i]) for row in table) for i in range(len(HEAD))]
        lines = []
        for row in table:
            first, *rest = (
                c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True))
            )
            lines.append("  ".join([first, *rest]).rstrip())
        return "\n".join([self.title, *lines, *self._below()])

    def __repr__(self) -> str:
        return f"<benchmark sheet of {self.title}: {len(self.rows)} rows>"

    def _below(self) -> list[str]:
        return [", ".join(f"{k} {v}" for k, v in self.machine.items()), *self.notes]

    def markdown(self) -> str:
        lines = [HEAD, ["---", *["---:"] * (len(HEAD) - 1)], *(r.cells() for r in self.rows)]
        table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
        return f"### {self.title}\n\n{table}\n\n" + "\n\n".join(self._below()) + "\n"

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{html.escape(c)}</th>" for c in HEAD)
        body = "".join("<tr>" + "".join(f"<td>{html.escape(c)}</td>" for c in r.cells()) + "</tr>" for r in self.rows)
        below = "".join(f"<p>{html.escape(line)}</p>" for line in self._below())
        return f"<table><caption>{html.escape(self.title)}</caption><tr>{head}</tr>{body}</table>{below}"

    def csv(self) -> str:
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(HEAD)
        writer.writerows(r.cells() for r in self.rows)
        return out.getvalue()

    def json(self) -> str:
        rows = [
            {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in asdict(r).items()} for r in self.rows
        ]
        told: dict[str, Any] = {"title": self.title, "machine": dict(self.machine), "notes": self.notes, "rows": rows}
        return json.dumps(told, indent=1)
