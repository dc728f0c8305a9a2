"""Where a custom kernel's text stands: a file, or a notebook's cell; and how messages name its lines."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from cuda_ops.cache import cached, content_key
from workbench.errors import WorkbenchError


@dataclass(frozen=True)
class Source:
    """A .cu file; `cell`: the name of the notebook cell whose text it holds, line for line."""

    path: Path
    cell: str = ""

    @classmethod
    def of_cell(cls, name: str, body: str) -> Source:
        """The source of a cell, kept in a file for the compilers. Line 1 is the cell's %%cuda_layer line."""
        text = f"// %%cuda_layer {name}\n{body}"
        file = f"{name}-{content_key(text)}.cu"

        def build(folder: Path) -> None:
            (folder / file).write_text(text, encoding="utf-8")

        return cls(cached(file, build), name)

    @property
    def label(self) -> str:
        """What messages call it."""
        return f"cell {self.cell}" if self.cell else str(self.path)

    def line(self, number: int) -> str:
        """One line of the text, counted from 1; empty where there is none."""
        lines = self.path.read_text(encoding="utf-8").splitlines()
        return lines[number - 1].strip() if 0 < number <= len(lines) else ""

    def told(self, error: WorkbenchError) -> WorkbenchError:
        """The error with this source named as the user knows it, and its line quoted."""
        place = rf"\S*{re.escape(self.path.name)}"
        where = str(error.where).strip()
        texts = [re.sub(place, lambda _: self.label, text) for text in (error.problem, where, error.note)]
        found = re.search(rf"{place}:(\d+)", f"{where} {error.problem}")
        quoted = self.line(int(found[1])) if found else ""
        note = "\n".join(filter(None, [f"line {found[1]}: {quoted}" if found and quoted else "", texts[2]]))
        return WorkbenchError(texts[0], texts[1], note)
