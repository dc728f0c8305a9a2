"""What can be checked of a text that is not finished: its sound lines, each at its own place."""

from __future__ import annotations

from collections.abc import Iterable

from workbench.config.document import Document
from workbench.config.lexer import NEWLINE, Entry
from workbench.errors import Where, WorkbenchError
from workbench.graph import Graph

SECTIONS = ("model", "default", "output")


def sound_copy(document: Document, graph: Graph, errors: list[WorkbenchError]) -> Document:
    """The document with blanks for each section that has errors or reads one that has; the last sound line is the
    output. Without errors, a plain copy.
    """
    copy = document.copy()
    if not errors:
        return copy
    wrong = wrong_lines(errors)
    for entry in _bad_entries(document, graph, wrong) | {e.id for e in document.entries if e.tag == "output"}:
        copy.blank(entry)
    for line in wrong:
        start, end = line_span(copy.text, line)
        copy.splice(start, end, " " * (end - start))
    copy.append("[output] refname=*")
    return copy


def wrong_lines(errors: Iterable[WorkbenchError]) -> set[int]:
    """The numbers of the lines that have errors."""
    return {e.where.line for e in errors if isinstance(e.where, Where) and e.where.line}


def lines_of(entry: Entry) -> set[int]:
    """The numbers of the lines on which a section has words."""
    return {entry.line, *(kv.line for kv in entry.keys)}


def line_span(text: str, line: int) -> tuple[int, int]:
    """Where a line, counted from 1, begins and ends; the text's end for one behind it."""
    starts = [0, *(m.end() for m in NEWLINE.finditer(text))]
    if line > len(starts):
        return len(text), len(text)
    end = NEWLINE.search(text, starts[line - 1])
    return starts[line - 1], end.start() if end else len(text)


def _bad_entries(document: Document, graph: Graph, wrong: set[int]) -> set[int]:
    nodes = {node.entry for node in graph}
    bad = {
        entry.id
        for entry in document.entries
        if lines_of(entry) & wrong or (entry.id not in nodes and entry.tag not in SECTIONS)
    }
    tensors = {t for node in graph if node.entry in bad for t in node.outputs}
    for node in graph:
        if tensors & {*node.inputs}:
            bad.add(node.entry)
            tensors |= {*node.outputs}
    return bad
