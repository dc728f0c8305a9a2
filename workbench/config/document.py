"""The config's text, losslessly: every byte kept, every entry with a stable id, every change an edit of it."""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from workbench.atomic import write_atomically
from workbench.config.encoding import decode, encode
from workbench.config.lexer import BOM, NEWLINE, VALUE, Entry, lex
from workbench.errors import Where, WorkbenchError

Ids = tuple[int, ...]
Span = tuple[int, int]


class Step(NamedTuple):
    """What undo and redo need: the place, the texts before and after, and all entries' ids before and after."""

    start: int
    before: str
    after: str
    ids_before: Ids
    ids_after: Ids


class Document:
    """A config text. `entries` are its sections up to `[end]`; `problems` what could not be read as one.

    All edits go through `splice`, are undone by `undo`, keep comments and layout around them, and keep the ids of the
    entries they do not touch. Each returns the ids of the entries it made. `bytes(document)` is the file's content.
    """

    def __init__(self, text: str | bytes = "", file: str = "<config>") -> None:
        self.file = file
        self._text = decode(text) if isinstance(text, bytes) else text
        self._done: list[Step] = []
        self._undone: list[Step] = []
        self._last_id = -1
        self._lex()
        self._number([None] * len(self.entries))

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Document:
        """The document of a file; raises WorkbenchError where it cannot be read."""
        try:
            return cls(Path(path).read_bytes(), str(path))
        except OSError as error:
            raise WorkbenchError(f"cannot read the config: {error.strerror}", str(path)) from None

    def copy(self) -> Document:
        """A document of its own with the same text and ids, and no edits to undo."""
        made = Document(self._text, self.file)
        made._last_id = self._last_id
        made._number([entry.id for entry in self.entries])
        return made

    @property
    def text(self) -> str:
        return self._text

    def __bytes__(self) -> bytes:
        return encode(self._text)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the file atomically; raises WorkbenchError and leaves the old file where that fails."""
        data = bytes(self)
        write_atomically(Path(path), lambda file: file.write(data))

    def _lex(self) -> None:
        self.entries, self.problems, self._end = lex(self._text, self.file)

    def _number(self, ids: Iterable[int | None]) -> None:
        """Give the entries their ids; None is a new one."""
        for entry, known in zip(self.entries, ids, strict=True):
            if known is None:
                self._last_id = known = self._last_id + 1
            entry.id = known
        self._by_id = {entry.id: entry for entry in self.entries}

    def entry(self, id: int) -> Entry:
        if id not in self._by_id:
            raise WorkbenchError(f"this document has no entry with id {id}", self.file, "it was removed, or undone")
        return self._by_id[id]

    def where(self, id: int) -> Where:
        """file:line:col of an entry."""
        entry = self.entry(id)
        return Where(self.file, entry.line, entry.col)

    def source(self, id: int) -> str:
        """The entry's own text, from its tag to its last key."""
        entry = self.entry(id)
        return self._text[entry.start : entry.end]

    # ---- edits

    def splice(self, start: int, end: int, text: str, *, gone: Iterable[int] = ()) -> Ids:
        """Replace text[start:end]; entries before and after keep their ids, those in `gone` lose theirs."""
        if not 0 <= start <= end <= len(self._text):
            raise WorkbenchError(f"cannot replace {start} to {end} in {len(self._text)} characters", self.file)
        before, old = self._text[start:end], self.entries
        if before == text:
            return ()
        self._text = self._text[:start] + text + self._text[end:]
        self._lex()
        lost = set(gone)
        kept = [entry for entry in old if entry.id not in lost]
        self._number(_inherit(kept, self.entries, start, end, len(text) - len(before)))
        self._undone.clear()
        self._done.append(Step(start, before, text, tuple(e.id for e in old), tuple(e.id for e in self.entries)))
        known = {e.id for e in old}
        return tuple(e.id for e in self.entries if e.id not in known)

    def replace_text(self, text: str) -> Ids:
        """Make `text` the whole text by the smallest splice, so that entries outside the change keep their ids."""
        old = self._text
        head = _common(old, text)
        tail = _common(old[head:][::-1], text[head:][::-1])
        return self.splice(head, len(old) - tail, text[head : len(text) - tail])

    def set_key(self, id: int, key: str, value: str) -> None:
        """Change the key's value where it stands, or add the key behind the others on the entry's own line."""
        if not VALUE.fullmatch(value):
            raise WorkbenchError(f"key '{key}': a value holds no blanks, '#' or '['; got '{value}'", self.where(id))
        if not re.fullmatch(r"[^\s#\[\]=]+", key):
            raise WorkbenchError(f"expected a key without blanks, brackets, '#' or '='; got '{key}'", self.where(id))
        entry = self.entry(id)
        for kv in reversed(entry.keys):
            if kv.key == key:
                self.splice(kv.end - len(kv.value), kv.end, value)
                return
        at = max([entry.tag_end, *(kv.end for kv in entry.keys if kv.line == entry.line)])
        following = self._text[at : at + 1]
        self.splice(at, at, _join(f" {key}={value}", following).removesuffix(following))

    def remove_key(self, id: int, key: str) -> None:
        """Take the key out, with the blanks before it; nothing happens where the entry has no such key."""
        spans = [(kv.start, kv.end) for kv in self.entry(id).keys if kv.key == key]
        if spans:
            self._cut(spans)

    def replace_entry(self, id: int, text: str) -> Ids:
        """Put `text` in the entry's place; comments between its keys stay, the first new entry takes the id."""
        return self._cut(_spans(self.entry(id)), text.strip())

    def remove(self, id: int) -> None:
        """Take the entry out, and lines that are empty then; comments stay."""
        self._cut(_spans(self.entry(id)), gone=(id,))

    def blank(self, id: int) -> None:
        """Put blanks in the entry's place, and in that of comments between its keys, so that no other entry moves."""
        entry = self.entry(id)
        text = re.sub(r"[^\r\n]", " ", self._text[entry.start : entry.end])
        self.splice(entry.start, entry.end, text, gone=(id,))

    def insert_after(self, id: int | None, text: str) -> Ids:
        """Put `text` on lines of its own behind the entry (None: before the first entry)."""
        if id is None:
            at = self.entries[0].start if self.entries else self._end
            return self._insert(at, at, text)
        end = self.entry(id).end
        line_end = self._line_end(end)
        rest = self._text[end:line_end].lstrip()
        if rest and not rest.startswith("#"):
            return self._insert(end, line_end - len(rest), text)
        return self._insert(line_end, line_end, text)

    def append(self, text: str) -> Ids:
        """Put `text` on lines of its own behind the last entry, before `[end]`."""
        return self.insert_after(self.entries[-1].id if self.entries else None, text)

    def undo(self) -> bool:
        """Take back the last edit; False where there is none."""
        if not self._done:
            return False
        step = self._done.pop()
        self._undone.append(step)
        self._restore(step.start, step.after, step.before, step.ids_before)
        return True

    def redo(self) -> bool:
        """Do again what undo took back; False where there is nothing, or another edit came between."""
        if not self._undone:
            return False
        step = self._undone.pop()
        self._done.append(step)
        self._restore(step.start, step.before, step.after, step.ids_after)
        return True

    def _restore(self, start: int, old: str, new: str, ids: Ids) -> None:
        self._text = self._text[:start] + new + self._text[start + len(old) :]
        self._lex()
        self._number(ids)

    def _line_end(self, at: int) -> int:
        m = NEWLINE.search(self._text, at)
        return m.start() if m else len(self._text)

    def _newline(self) -> str:
        m = NEWLINE.search(self._text)
        return m[0] if m else "\n"

    def _insert(self, start: int, end: int, text: str) -> Ids:
        """Replace the blanks start:end by `text` on lines of its own, with the file's own line ends."""
        newline = self._newline()
        text = NEWLINE.sub(newline, text.strip("\r\n"))
        before = "" if self._text[:start] in ("", BOM) or self._text[start - 1] in "\r\n" else newline
        after = newline if end < len(self._text) and not NEWLINE.match(self._text, end) else ""
        return self.splice(start, end, before + text + after)

    def _cut(self, spans: list[Span], text: str = "", gone: Iterable[int] = ()) -> Ids:
        """Splice the spans out, and lines left empty by that; `text` goes where the first one was."""
        start = at = max(self._text.rfind(c, 0, spans[0][0]) for c in "\r\n") + 1
        lines, done = [], 0
        while done < len(spans):
            newline = NEWLINE.match(self._text, self._line_end(at))
            stop = newline.end() if newline else len(self._text)
            here = [span for span in spans[done:] if span[0] < stop]
            lines.append(self._cut_line(at, stop, here, "" if done else text))
            at, done = stop, done + len(here)
        return self.splice(start, at, "".join(lines), gone=gone)

    def _cut_line(self, start: int, stop: int, spans: list[Span], text: str) -> str:
        parts, at = [], start
        for first, last in spans:
            parts.append(self._text[at:first])
            at = last
        rest = self._text[at:stop]
        if text:
            commented = "#" in text.splitlines()[-1] and rest.strip() and not rest.lstrip().startswith("#")
            rest = self._newline() + rest.lstrip() if commented else rest
            return _join(parts[0] + text + "".join(part.rstrip(" \t") for part in parts[1:]), rest)
        head = "".join(part.rstrip(" \t") for part in parts)
        if spans and head.rfind("[") > head.rfind("]") and "]" in rest:
            return head + self._newline() + rest  # else a bracket left open would close around what follows
        if head.strip(BOM) or not spans:
            return _join(head, rest)
        return head + (rest.lstrip(" \t") if rest.strip() else "")


def _common(a: str, b: str) -> int:
    """Length of the common beginning of two texts."""
    return next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


def _join(left: str, right: str) -> str:
    """Both texts, with a blank between where they would run into one word."""
    return left + " " * bool(re.match(r"\S", left[-1:]) and re.match(r"[^\s#\[]", right)) + right


def _spans(entry: Entry) -> list[Span]:
    return [(entry.start, entry.tag_end), *((kv.start, kv.end) for kv in entry.keys)]


def _inherit(old: list[Entry], new: list[Entry], start: int, end: int, shift: int) -> list[int | None]:
    """For each new entry the old id it keeps, or None.

    Entries outside the edit are known by their place; of those within, the unchanged ones at both ends by their content
    and the rest by their order.
    """
    ids: list[int | None] = [None] * len(new)
    place = {entry.start: index for index, entry in enumerate(new)}
    rest: deque[Entry] = deque()
    for entry in old:
        index = place.get(entry.start if entry.tag_end <= start else entry.start + shift if entry.start >= end else -1)
        if index is None:
            rest.append(entry)
        else:
            ids[index] = entry.id
    free = deque(index for index, known in enumerate(ids) if known is None)
    while rest and free and rest[0].content == new[free[0]].content:
        ids[free.popleft()] = rest.popleft().id
    while rest and free and rest[-1].content == new[free[-1]].content:
        ids[free.pop()] = rest.pop().id
    for entry, index in zip(rest, free, strict=False):
        ids[index] = entry.id
    return ids


def parse(text: str | bytes, file: str = "<config>") -> Document:
    """The document of a text."""
    return Document(text, file)


def unparse(document: Document) -> str:
    """The document's text; `unparse(parse(text)) == text`."""
    return document.text
