"""Put the tables of benchmarks/records/ into docs/benchmarks.md, each under the comment that names its record.

python benchmarks/tables.py
"""

from __future__ import annotations

import re
from pathlib import Path

from workbench.bench.pipeline import Lap, Laps
from workbench.bench.sheet import Row, Sheet
from workbench.bench.table import Table
from workbench.bench.tool import Figure, Figures

ROOT = Path(__file__).resolve().parents[1]
DOCUMENT, RECORDS = ROOT / "docs" / "benchmarks.md", ROOT / "benchmarks" / "records"
KINDS: dict[str, tuple[type[Table], type]] = {"-tool": (Figures, Figure), "-pipeline": (Laps, Lap)}
PLACE = re.compile(r"(<!-- record (\S+) -->\n).*?(<!-- end -->)", re.S)


def table(name: str) -> str:
    """A record as Markdown, without its title."""
    text = (RECORDS / f"{name}.json").read_text(encoding="utf-8")
    kind, row = next((found for end, found in KINDS.items() if name.endswith(end)), (Sheet, Row))
    return kind.of(text, row).markdown().partition("\n\n")[2]


def filled(document: str) -> str:
    return PLACE.sub(lambda m: f"{m[1]}\n{table(m[2])}\n{m[3]}", document)


if __name__ == "__main__":
    DOCUMENT.write_text(filled(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
