"""Put the tables of benchmarks/records/ into docs/benchmarks.md, each under the comment that names its record.

python benchmarks/tables.py
"""

from __future__ import annotations

import re
from pathlib import Path

from workbench.bench.sheet import Row, Sheet
from workbench.bench.tool import Figure, Figures

ROOT = Path(__file__).resolve().parents[1]
DOCUMENT, RECORDS = ROOT / "docs" / "benchmarks.md", ROOT / "benchmarks" / "records"
PLACE = re.compile(r"(<!-- record (\S+) -->\n).*?(<!-- end -->)", re.S)


def table(name: str) -> str:
    """A record as Markdown, without its title."""
    text = (RECORDS / f"{name}.json").read_text(encoding="utf-8")
    read = Figures.of(text, Figure) if name.endswith("-tool") else Sheet.of(text, Row)
    return read.markdown().partition("\n\n")[2]


def filled(document: str) -> str:
    return PLACE.sub(lambda m: f"{m[1]}\n{table(m[2])}\n{m[3]}", document)


if __name__ == "__main__":
    DOCUMENT.write_text(filled(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
