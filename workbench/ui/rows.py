"""The config's lines as the browser draws them: places, shapes, verdicts and problems as plain numbers and words."""

from __future__ import annotations

import difflib
import math
import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

from workbench.compare.regions import judged_by, split_regions
from workbench.compare.result import LineResult, Status
from workbench.config.document import Document
from workbench.config.lexer import NEWLINE
from workbench.errors import Problems, WorkbenchError
from workbench.graph import Graph, Node
from workbench.trace.tie import graph_ties
from workbench.ui.sound import wrong_lines
from workbench.ui.verdicts import Signature, Verdicts

Row = dict[str, Any]
MEANT = re.compile(r"did you mean '([^']+)'")
WRONG = re.compile(r"(?:unknown key|unknown layer|key) '([^']+)'|got '([^']+)'")


def line_rows(
    document: Document, graph: Graph, signs: dict[int, Signature], verdicts: Verdicts, problems: Iterable[Row]
) -> list[Row]:
    """A row for each section of the text, in order."""
    wrong = {row["line"] for row in problems}
    judges = judges_of(graph)
    nodes = {node.entry: node for node in graph}
    rows = []
    for entry in document.entries:
        node = nodes.get(entry.id)
        lines = {entry.line, *(kv.line for kv in entry.keys)}
        row: Row = {"line": entry.line, "last": max(lines), "entry": entry.id, "tag": entry.tag, "shape": ""}
        if node is not None:
            row |= {"shape": shapes_of(node, graph), "tie": node.tie, "tensors": ",".join(node.outputs)}
        if lines & wrong:
            row |= {"status": "text", "note": "error in the text"}
        elif node is None and entry.tag not in ("model", "default", "output", "input"):
            row |= {"status": "unchecked", "note": "reads a line that has an error"}
        elif node is not None and node.index in judges:
            judge = judges[node.index].where.line
            row |= {"status": "", "judge": judge, "note": f"judged by line {judge}"}
        elif node is not None and node.tag != "input":
            row |= verdict_row(verdicts.of(node, signs.get(entry.id)), signs.get(entry.id), verdicts)
        rows.append(row)
    return rows


def count_verdicts(
    graph: Graph, signs: dict[int, Signature], verdicts: Verdicts, problems: list[WorkbenchError]
) -> Row:
    """How many lines have each verdict, how many are wrong as text, and the largest cumulative error with its line."""
    judged = judges_of(graph)
    lines = [n for n in graph.body if n.index not in judged]
    results = [(n, verdicts.of(n, signs.get(n.entry))) for n in lines]
    found: Row = Counter(result.status.name.lower() for _, result in results)
    found["text"] = len(wrong_lines(problems))
    far = [(r.cumulative, n.where.line) for n, r in results if math.isfinite(r.cumulative)]
    found["worst"], found["worstLine"] = max(far, default=(0.0, 0))
    return dict(found)


def judges_of(graph: Graph) -> dict[int, Node]:
    """The tied line that judges each untied one, by node index."""
    ties = graph_ties(graph, Problems())
    return judged_by(split_regions(graph, ties))


def shapes_of(node: Node, graph: Graph) -> str:
    """`361,49,128`, or `3 × 361,4,49,32` where all outputs are alike."""
    shapes = [",".join(map(str, graph.specs[t].shape)) for t in node.outputs if t in graph.specs]
    if len(shapes) > 1 and len(set(shapes)) == 1:
        return f"{len(shapes)} × {shapes[0]}"
    return "  ".join(shapes)


def verdict_row(result: LineResult, sign: Signature | None, verdicts: Verdicts) -> Row:
    iso = result.isolated
    return {
        "status": result.status.name.lower(),
        "error": _number(iso.engine.error) if iso else None,
        "allowed": _number(iso.tolerance) if iso else None,
        "reference": _number(iso.reference) if iso else None,
        "side": iso.side if iso else "",
        "far": _number(result.cumulative),
        "farAllowed": _number(result.cumulative_tolerance),
        "old": result.status is Status.STALE and not (sign is not None and verdicts.known(sign)),
        "note": result.note,
    }


def _number(value: float) -> float | str | None:
    """JSON has no word for NaN and Inf."""
    return None if math.isnan(value) else "inf" if math.isinf(value) else value


def problem_rows(errors: Iterable[WorkbenchError], document: Document) -> list[Row]:
    """What is wrong with the text, each with its place (line 0: the whole file) and, where it is known, the word that
    was meant instead of the `length` characters at `col`.
    """
    lines = NEWLINE.split(document.text)
    rows = []
    for error in errors:
        line, col = getattr(error.where, "line", 0), getattr(error.where, "col", 0)
        row: Row = {"line": line, "col": col, "text": error.problem, "note": error.note, "length": 0}
        if 0 < line <= len(lines):
            row |= _fix(error, lines[line - 1], col)
        rows.append(row)
    return rows


def _fix(error: WorkbenchError, text: str, col: int) -> Row:
    """The word that is wrong in its line, and the word that was probably meant."""
    found = WRONG.search(error.problem)
    word = next(filter(None, found.groups()), "") if found else ""
    at = text.find(word, max(0, col - 1)) if word else -1
    meant = MEANT.search(error.note)
    if at < 0:
        return {"length": len(re.match(r"\S*", text[max(0, col - 1) :])[0])}  # type: ignore[index]
    row: Row = {"col": at + 1, "length": len(word)}
    if meant:
        row["fix"] = meant[1]
    return row


def changed_lines(text: str, saved: str) -> list[int]:
    """Numbers of the lines that are not in the saved file as they stand."""
    a, b = NEWLINE.split(saved), NEWLINE.split(text)
    blocks = difflib.SequenceMatcher(None, a, b, autojunk=False).get_opcodes()
    return [i + 1 for kind, _, _, first, last in blocks if kind in ("replace", "insert") for i in range(first, last)]


def diff_rows(before: str, after: str) -> list[Row]:
    """The change as rows: `-` and `+` lines with three lines of context, their numbers before and after."""
    a, b = NEWLINE.split(before), NEWLINE.split(after)
    rows: list[Row] = []
    for group in difflib.SequenceMatcher(None, a, b, autojunk=False).get_grouped_opcodes(3):
        if rows:
            rows.append({"kind": "…", "text": ""})
        for kind, i, j, m, n in group:
            if kind == "equal":
                rows += [{"kind": " ", "old": i + k + 1, "new": m + k + 1, "text": a[i + k]} for k in range(j - i)]
            else:
                rows += [{"kind": "-", "old": k + 1, "text": a[k]} for k in range(i, j)]
                rows += [{"kind": "+", "new": k + 1, "text": b[k]} for k in range(m, n)]
    return rows
