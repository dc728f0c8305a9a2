"""What a check found, as text, HTML, JSON and CSV."""

from __future__ import annotations

import csv
import html
import io
import json
import math
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

from workbench.compare.result import MARKS, LineResult, Status, sci

COLUMNS = ("line", "layer", "status", "isolated", "tolerance", "reference", "cumulative", "tie", "message")


@dataclass(frozen=True)
class Report:
    """All lines of a check. `production` is how far the checked and the whole engine's outputs are apart."""

    title: str
    engine: str
    precision: str
    lines: list[LineResult]
    warnings: list[str] = field(default_factory=list)
    uncovered: list[str] = field(default_factory=list)  # original modules that no line covers
    production: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        """True where every tied line passed (drift included: its layers are right) and there was one at all."""
        counts = self.counts
        return not counts[Status.FAILED] and not counts[Status.UNSUPPORTED] and bool(counts[Status.PASSED])

    @property
    def counts(self) -> Counter[Status]:
        return Counter(line.status for line in self.lines)

    @property
    def first_bad(self) -> LineResult | None:
        """The first line that is wrong with the original's own inputs."""
        return next((r for r in self.lines if r.status in (Status.FAILED, Status.UNSUPPORTED)), None)

    def rows(self) -> list[dict[str, Any]]:
        """One dict for each line, of plain numbers and words."""
        return [_row(line) for line in self.lines]

    def json(self) -> str:
        summary = {
            "title": self.title,
            "passed": self.passed,
            "engine": self.engine,
            "precision": self.precision,
            "counts": {str(status): n for status, n in self.counts.items()},
            "production": self.production,
            "uncovered": self.uncovered,
            "warnings": self.warnings,
            "seconds": self.seconds,
        }
        lines = [
            row | {"metrics": asdict(line.isolated.engine) if line.isolated else None}
            for row, line in zip(self.rows(), self.lines, strict=True)
        ]
        return json.dumps(_finite(summary | {"lines": lines}), indent=1)

    def csv(self) -> str:
        out = io.StringIO()
        writer = csv.DictWriter(out, COLUMNS, lineterminator="\n", extrasaction="ignore")
        writer.writeheader()
        writer.writerows(self.rows())
        return out.getvalue()

    def html(self) -> str:
        """A page of its own: no script, nothing from elsewhere."""
        head = f"<meta charset='utf-8'><title>{html.escape(self.title)}</title>"
        return f"<!doctype html>{head}<body style='font-family:sans-serif'>{self._repr_html_()}</body>"

    def summary(self) -> str:
        counts = ", ".join(f"{n} {status}" for status, n in sorted(self.counts.items()))
        verdict = "passed" if self.passed else "FAILED"
        return f"{self.title}: {verdict} on {self.engine} {self.precision} ({counts}; {self.seconds:.1f} s)"

    def __str__(self) -> str:
        lines = [f"{'line':>5} {'':1} {'layer':<28} {'isolated':>9} {'allowed':>9} {'so far':>9}  original"]
        for r, row in zip(self.lines, self.rows(), strict=True):
            numbers = f"{sci(row['isolated']):>9} {sci(row['tolerance']):>9} {sci(row['cumulative']):>9}"
            tail = row["message"] or row["tie"]
            lines.append(f"{row['line']:>5} {MARKS[r.status]:1} {row['layer']:<28.28} {numbers}  {tail}")
        return "\n".join([*lines, *self._notes(), self.summary()])

    def __repr__(self) -> str:
        return self.summary()

    def _repr_html_(self) -> str:
        head = "".join(f"<th style='text-align:left'>{c}</th>" for c in COLUMNS)
        body = "".join(_html_row(r, row) for r, row in zip(self.lines, self.rows(), strict=True))
        notes = "".join(f"<li>{html.escape(n)}</li>" for n in self._notes())
        return (
            f"<p><b>{html.escape(self.summary())}</b></p><ul>{notes}</ul>"
            f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        )

    def _notes(self) -> list[str]:
        notes = [f"warning: {w}" for w in self.warnings]
        if self.uncovered:
            shown = ", ".join(self.uncovered[:8]) + (" …" if len(self.uncovered) > 8 else "")
            notes.append(f"{len(self.uncovered)} modules of the original are covered by no line: {shown}")
        if first := self.first_bad:
            side = first.isolated.side if first.isolated else ""
            who = {"engine": f"; the reference agrees, so it is the {self.engine} lowering", "config": ""}.get(side, "")
            notes.append(f"first wrong line: {first.node.where} {first.node}{who}")
        for name, difference in self.production.items():
            same = "identical" if difference == 0 else f"apart by {difference:.1e} of its range (fusion, order of sums)"
            notes.append(f"output {name}: the engine with every line checked and the production engine are {same}")
        return notes


def _row(r: LineResult) -> dict[str, Any]:
    iso = r.isolated
    return {
        "line": getattr(r.node.where, "line", 0),
        "layer": str(r.node),
        "status": str(r.status),
        "isolated": iso.engine.error if iso else math.nan,
        "tolerance": iso.tolerance if iso else math.nan,
        "reference": iso.reference if iso else math.nan,
        "cumulative": r.cumulative,
        "tie": r.node.tie,
        "message": r.note,
    }


def _html_row(r: LineResult, row: dict[str, Any]) -> str:
    cells = [sci(v) if isinstance(v, float) else str(v) for v in (row[c] for c in COLUMNS)]
    cells[2] = f"{MARKS[r.status]} {cells[2]}"
    return "<tr>" + "".join(f"<td style='text-align:left'>{html.escape(c)}</td>" for c in cells) + "</tr>"


def _finite(value: Any) -> Any:
    """NaN and Inf as None: JSON has no word for them."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {k: _finite(v) for k, v in value.items()}
    return [_finite(v) for v in value] if isinstance(value, list | tuple) else value
