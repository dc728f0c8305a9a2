"""What checking a custom layer found: as text, and as HTML for a notebook."""

from __future__ import annotations

import html
from collections.abc import Iterator
from dataclasses import dataclass, field

from workbench.errors import WorkbenchError

MARKS = {True: "✓", False: "✗", None: "–"}


@dataclass(frozen=True)
class Step:
    """One thing that was tried. ok is None where there was nothing to try; `lines` say what was seen."""

    name: str
    ok: bool | None
    lines: tuple[str, ...] = ()
    error: WorkbenchError | None = None


@dataclass(repr=False)
class Report:
    """The steps in order, the config's line, and the dictionary's rows of the layer."""

    layer: str
    source: str
    line: str
    rows: list[str]
    steps: list[Step] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return all(step.ok is not False for step in self.steps)

    def raise_errors(self) -> None:
        """Raise the first step's error; nothing where all is well."""
        for step in self.steps:
            if step.error:
                raise step.error

    def step(self, name: str) -> Step:
        """The step of that name; KeyError where it was not reached."""
        return {step.name: step for step in self.steps}[name]

    def __str__(self) -> str:
        return "\n".join([f"{MARKS[self.ok]} {self.layer}, {self.source}: {self.line}", *self._lines()])

    __repr__ = __str__

    def _lines(self) -> Iterator[str]:
        for step in self.steps:
            yield f"  {MARKS[step.ok]} {step.name}"
            texts = [*step.lines, *([str(step.error)] if step.error else [])]
            yield from (f"      {line}" for text in texts for line in text.splitlines())

    def _repr_html_(self) -> str:
        rows = "".join(_row(step) for step in self.steps)
        table = html.escape("\n".join(self.rows))
        return (
            f"<div><b>{MARKS[self.ok]} {html.escape(self.layer)}</b> <code>{html.escape(self.line)}</code>"
            f"<table style='text-align:left'>{rows}</table>"
            f"<details><summary>rows for the layer dictionary</summary><pre>{table}</pre></details></div>"
        )


def _row(step: Step) -> str:
    colour = {True: "#2a7d3a", False: "#c0392b", None: "#888"}[step.ok]
    texts = [*step.lines, *([str(step.error)] if step.error else [])]
    seen = html.escape("\n".join(texts))
    return (
        f"<tr style='vertical-align:top;text-align:left'><td style='color:{colour}'><b>{MARKS[step.ok]}</b></td>"
        f"<td style='text-align:left;white-space:nowrap'>{html.escape(step.name)}</td>"
        f"<td style='text-align:left'><pre style='margin:0;white-space:pre-wrap'>{seen}</pre></td></tr>"
    )
