"""Config text cut into entries with exact places; linear, and total: whatever does not fit becomes a problem."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NamedTuple

from workbench.config.paused import collector_paused
from workbench.errors import Problems, Where, WorkbenchError

BOM = "\ufeff"
NEWLINE = re.compile(r"\r\n|\r|\n")
VALUE = re.compile(r"[^\s#\[]*")
TOKEN = re.compile(
    r"(?P<newline>\r\n|\r|\n)"
    r"|(?P<comment>\#[^\r\n]*)"
    r"|\[(?P<tag>[^\[\]\#\r\n]*)\]"
    r"|(?P<key>[^\s\#\[\]=]+)=(?P<value>[^\s\#\[]*)"
    r"|(?P<open>\[[^\s\#\[\]]*)"
    r"|(?P<junk>[^\s\#\[]+)"
)


class KeyValue(NamedTuple):
    """One `key=value`: offsets of the whole and place of the key; the value begins len(key) + 1 later."""

    key: str
    value: str
    start: int
    end: int
    line: int
    col: int


@dataclass(slots=True)
class Entry:
    """One section: its tag, its keys (wherever they stand) and its place; `id` outlives edits of the document."""

    tag: str
    start: int
    tag_end: int
    line: int
    col: int
    keys: list[KeyValue] = field(default_factory=list)
    id: int = -1

    @property
    def end(self) -> int:
        """Offset behind its last token; comments and blanks that follow are outside."""
        return self.keys[-1].end if self.keys else self.tag_end

    def get(self, key: str, default: str = "") -> str:
        """The raw value of a key; the last counts where it is given twice."""
        return next((kv.value for kv in reversed(self.keys) if kv.key == key), default)

    @property
    def content(self) -> tuple[object, ...]:
        return (self.tag, *((kv.key, kv.value) for kv in self.keys))


class Lexed(NamedTuple):
    entries: list[Entry]
    problems: list[WorkbenchError]
    end: int  # offset of `[end]`, or the text's length


@collector_paused()
def lex(text: str, file: str) -> Lexed:
    """Entries of the text up to `[end]`, comments stripped first; bare keys continue the entry before them."""
    entries: list[Entry] = []
    keys: list[KeyValue] = []  # of the last entry
    problems = Problems()
    line, line_start = 1, int(text.startswith(BOM))
    for m in TOKEN.finditer(text, line_start):
        kind, (start, end) = m.lastgroup, m.span()
        col = start - line_start + 1
        if kind == "value" and entries:
            keys.append(KeyValue(m["key"], m["value"], start, end, line, col))
        elif kind == "newline":
            line, line_start = line + 1, end
        elif kind == "value":
            problems.error(f"'{m[0]}' stands before any [section]", Where(file, line, col), "begin with [model]")
        elif kind == "tag":
            if m["tag"].strip() == "end":
                return Lexed(entries, problems.errors, start)
            entries.append(Entry(m["tag"].strip(), start, end, line, col, keys := []))
        elif kind == "open":
            problems.error(f"'{m[0]}' has no closing bracket", Where(file, line, col), f"write {m[0]}]")
            entries.append(Entry(m[0][1:], start, end, line, col, keys := []))
        elif kind == "junk":
            _junk(problems, m[0], Where(file, line, col))
    return Lexed(entries, problems.errors, len(text))


def _junk(problems: Problems, word: str, where: Where) -> None:
    if word.startswith("="):
        note = "no blanks around '='"
    else:
        note = "no blanks inside a list (input=A,B); a comment begins with #"
    problems.error(f"expected key=value or [section]; got '{word}'", where, note)
