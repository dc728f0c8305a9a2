"""What a diagnosis found, as text, HTML and JSON."""

from __future__ import annotations

import difflib
import html
import json
import math
from dataclasses import asdict, dataclass, field
from typing import NamedTuple

from workbench.compare.result import LineResult, sci
from workbench.config.document import Document
from workbench.errors import Where

# Entry's id, key, new text (None: the key is taken out); the key BEFORE: a line that is put in before the entry.
KeyEdit = tuple[int, str, str | None]
BEFORE = "before"


class Picture(NamedTuple):
    """A picture as a data URI, and what it shows."""

    title: str
    uri: str


@dataclass(frozen=True)
class Finding:
    """One cause that was tried: "matches if ...". `before` and `after` are the reference's errors; `after` is NaN for a
    weights file, whose floats were compared with the model's and whose line was not run again.

    `edits` change the config; a fault in the weights file has none: `weights_fix` says how the file is mended.
    """

    cause: str
    text: str
    before: float
    after: float
    edits: tuple[KeyEdit, ...] = ()
    diff: str = ""
    weights_fix: str = ""

    @property
    def evidence(self) -> str:
        after = "floats compared with the model's" if math.isnan(self.after) else f"{sci(self.after)} after"
        return f"error {sci(self.before) or 'unknown'} before, {after}"

    @property
    def fix(self) -> str:
        """The config's lines before and after, or what to do with the weights; empty where nothing is known."""
        return self.diff or self.weights_fix

    def __str__(self) -> str:
        return f"{self.cause}: {self.text} ({self.evidence})"


@dataclass(frozen=True)
class Diagnosis:
    """`where` is the first wrong line, None where there is none; `side` is config, engine, weights, input, output,
    original where the model itself cannot be compared with, or time where that ran out before. `closest` are the three
    best attempts of those that did not pass, and only where none did. `notes` are what else the user should know,
    `pictures` what the original and the config are fed, where that is wrong.
    """

    title: str
    where: Where | None = None
    layer: str = ""
    side: str = ""
    text: str = ""
    findings: list[Finding] = field(default_factory=list)
    closest: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    result: LineResult | None = None
    tried: int = 0
    seconds: float = 0.0
    pictures: list[Picture] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """True where every line that could be checked is right."""
        return not self.side

    def summary(self) -> str:
        if self.clean:
            return f"{self.title}: no wrong line"
        place = f"{self.where} {self.layer}".strip() if self.where else self.title
        return f"{place}: {self.text}"

    def lines(self) -> list[str]:
        """Everything as lines of text."""
        lines = [self.summary()]
        for finding in self.findings:
            lines += [f"  matches if {finding.text}  [{finding.cause}; {finding.evidence}]"]
            lines += [f"    {line}" for line in finding.fix.splitlines()]
        if not self.findings and self.closest:
            lines.append("  none of the causes tried explains it; the closest:")
            lines += [f"    {f}" for f in self.closest]
        elif not self.findings and not self.clean and self.tried:
            lines.append("  none of the causes tried explains it")
        lines += [f"  note: {note}" for note in self.notes]
        return [*lines, f"  {self.tried} corrections tried, {self.seconds:.1f} s"]

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def __repr__(self) -> str:
        return str(self)

    def json(self) -> str:
        """The diagnosis as JSON; numbers that JSON has no word for are null."""
        told = {
            "title": self.title,
            "clean": self.clean,
            "where": str(self.where) if self.where else None,
            "line": self.where.line if self.where else None,
            "layer": self.layer,
            "side": self.side,
            "text": self.text,
            "findings": [_plain(f) for f in self.findings],
            "closest": [_plain(f) for f in self.closest],
            "notes": self.notes,
            "tried": self.tried,
            "seconds": self.seconds,
        }
        return json.dumps(told, indent=1)

    def html(self) -> str:
        """A page of its own: no script, nothing from elsewhere."""
        head = f"<meta charset='utf-8'><title>{html.escape(self.title)}</title>"
        return f"<!doctype html>{head}<body style='font-family:sans-serif'>{self._repr_html_()}</body>"

    def _repr_html_(self) -> str:
        found = "".join(
            f"<li>matches if <b>{html.escape(f.text)}</b> <small>{f.cause}; {html.escape(f.evidence)}</small>"
            f"<pre>{html.escape(f.fix)}</pre></li>"
            for f in self.findings
        )
        close = "".join(f"<li>{html.escape(str(f))}</li>" for f in self.closest)
        close = f"<p>None of the causes tried explains it; the closest:</p><ul>{close}</ul>" if close else ""
        notes = "".join(f"<li>{html.escape(n)}</li>" for n in self.notes)
        mark = "✓" if self.clean else "✗"
        seen = "".join(
            f"<figure style='display:inline-block;margin:4px'><img src='{p.uri}' style='max-width:360px'>"
            f"<figcaption>{html.escape(p.title)}</figcaption></figure>" for p in self.pictures
        )  # fmt: skip
        return f"<p><b>{mark} {html.escape(self.summary())}</b></p>{seen}<ul>{found}</ul>{close}<ul>{notes}</ul>"


def _plain(finding: Finding) -> dict[str, object]:
    plain = asdict(finding) | {"fix": finding.fix}
    return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in plain.items()}


def edited_text(document: Document, edits: tuple[KeyEdit, ...]) -> str:
    """The document's text with the edits made; the document stays as it is."""
    copy = Document(document.text, document.file)
    ids = {old.id: new.id for old, new in zip(document.entries, copy.entries, strict=True)}
    for entry, key, value in edits:
        document.entry(entry)  # raises where the line is gone
        if key == BEFORE:
            above = [e.id for e in copy.entries[: document.entries.index(document.entry(entry))]]
            copy.insert_after(above[-1] if above else None, str(value))
        elif value is None:
            copy.remove_key(ids[entry], key)
        else:
            copy.set_key(ids[entry], key, value)
    return copy.text


def diff(before: str, after: str) -> str:
    """The lines that differ, `-` before and `+` after."""
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=0)
    return "\n".join(line for line in lines if not line.startswith(("---", "+++", "@@")))
