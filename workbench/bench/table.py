"""A table that reads well in a terminal, a notebook and a document."""

from __future__ import annotations

import csv
import html
import io
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar


@dataclass(frozen=True)
class Table:
    """Rows (dataclasses with `cells`) under `HEAD`, what they were measured on, and notes."""

    HEAD: ClassVar[tuple[str, ...]] = ()

    title: str
    rows: list[Any]
    machine: Mapping[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def cells(self) -> list[list[str]]:
        return [row.cells() for row in self.rows]

    def below(self) -> list[str]:
        return [", ".join(f"{k} {v}" for k, v in self.machine.items()), *self.notes]

    def __str__(self) -> str:
        table = [list(self.HEAD), *self.cells()]
        widths = [max(len(row[i]) for row in table) for i in range(len(self.HEAD))]
        lines = [
            "  ".join(c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True)))
            for row in table
        ]
        return "\n".join([self.title, *(line.rstrip() for line in lines), *self.below()])

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.title}: {len(self.rows)} rows>"

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{html.escape(c)}</th>" for c in self.HEAD)
        body = "".join("<tr>" + "".join(f"<td>{html.escape(c)}</td>" for c in row) + "</tr>" for row in self.cells())
        below = "".join(f"<p>{html.escape(line)}</p>" for line in self.below())
        return f"<table><caption>{html.escape(self.title)}</caption><tr>{head}</tr>{body}</table>{below}"

    def markdown(self) -> str:
        lines = [self.HEAD, ["---", *["---:"] * (len(self.HEAD) - 1)], *self.cells()]
        table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
        return f"### {self.title}\n\n{table}\n\n" + "\n\n".join(self.below()) + "\n"

    def csv(self) -> str:
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(self.HEAD)
        writer.writerows(self.cells())
        return out.getvalue()

    def json(self) -> str:
        told = {"title": self.title, "machine": dict(self.machine), "notes": self.notes}
        rows = [{k: _plain(v) for k, v in asdict(row).items()} for row in self.rows]
        return json.dumps(told | {"rows": rows}, indent=1)

    @classmethod
    def of(cls, text: str, row: type) -> Any:
        """The table that `json` wrote, of rows of this class."""
        told = json.loads(text)
        rows = [row(**{k: math.nan if v is None else v for k, v in r.items()}) for r in told.pop("rows")]
        return cls(rows=rows, **told)


def number(value: float, form: str) -> str:
    """The value in a format such as "{:.1f}"; nothing for NaN, which stands for what was not measured."""
    return "" if math.isnan(value) else form.format(value)


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and math.isnan(value) else value
