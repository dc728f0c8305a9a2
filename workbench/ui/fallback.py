"""The workbench where no kernel runs: the lines and their verdicts as an HTML table, their errors as a picture."""

from __future__ import annotations

import html
import io
import math

from workbench.compare.result import MARKS, LineResult, Status, sci
from workbench.graph import Node
from workbench.ui.rows import judges_of, shapes_of
from workbench.ui.workspace import Workspace

COLOURS = {Status.PASSED: "#307933", Status.FAILED: "#ad2727", Status.DRIFT: "#ba5e00", Status.STALE: "#00808e"}


def results(space: Workspace) -> list[tuple[Node, LineResult]]:
    """Every line with its verdict as the text stands."""
    judged = judges_of(space.graph)
    return [
        (n, LineResult(n, Status.UNCHECKED, judged_by=judged[n.index]) if n.index in judged
         else space.verdicts.of(n, space.signs.get(n.entry)))
        for n in space.graph.body
    ]  # fmt: skip


def session_html(space: Workspace, title: str) -> str:
    """A table, a row for each line; what the config says is escaped."""
    with space.lock:
        found = results(space)
        texts = {n.entry: space.document.source(n.entry) for n, _ in found}
        rows = "".join(_row(space, node, result, texts[node.entry]) for node, result in found)
        problems = "".join(f"<li>{html.escape(str(p.where))} {html.escape(p.problem)}</li>" for p in space.problems)
        summary = _summary(space, found)
    cells = "style='text-align:left'"
    head = "".join(f"<th {cells}>{name}</th>" for name in ("line", "", "config", "isolated", "cumulative", "shape"))
    return (
        f"<p><b>{html.escape(title)}</b>: {html.escape(summary)}. <i>Static: run the cell for the live one.</i></p>"
        + (f"<ul>{problems}</ul>" if problems else "")
        + f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    )


def _summary(space: Workspace, found: list[tuple[Node, LineResult]]) -> str:
    counts = {status: sum(r.status is status and not r.judged_by for _, r in found) for status in Status}
    said = ", ".join(f"{n} {status}" for status, n in counts.items() if n)
    return f"{said or 'no lines'} on {space.session.engine} {space.session.precision}"


def _row(space: Workspace, node: Node, result: LineResult, text: str) -> str:
    iso = result.isolated
    colour = COLOURS.get(result.status, "#666")
    mark = "│" if result.judged_by else MARKS[result.status]
    cells = [
        str(node.where.line),
        f"<span style='color:{colour}' title='{html.escape(result.note or str(result.status))}'>{mark}</span>",
        f"<code>{html.escape(' '.join(text.split()))}</code>",
        sci(iso.engine.error) if iso else "",
        sci(result.cumulative),
        html.escape(shapes_of(node, space.graph)),
    ]
    return "<tr>" + "".join(f"<td style='text-align:left'>{c}</td>" for c in cells) + "</tr>"


def session_png(space: Workspace, title: str) -> bytes:
    """Isolated and cumulative error of every line on a log scale, with what is allowed; empty before any check."""
    with space.lock:
        found = [(n, r) for n, r in results(space) if r.isolated is not None]
        summary = _summary(space, results(space))
    if not found:
        return b""
    from matplotlib.figure import Figure  # half a second, which an unchecked config need not wait for

    lines = [n.where.line for n, _ in found]
    floor = 1e-9
    figure = Figure(figsize=(9, 2.6), layout="constrained")
    axes = figure.add_subplot()
    axes.set_yscale("log")
    series = [
        ("isolated", "o", [r.isolated.engine.error for _, r in found if r.isolated], "#1976d2"),
        ("cumulative", "s", [r.cumulative for _, r in found], "#ba5e00"),
        ("allowed", "_", [r.isolated.tolerance for _, r in found if r.isolated], "#212121"),
    ]
    for name, marker, values, colour in series:
        kept = [(x, max(v, floor)) for x, v in zip(lines, values, strict=True) if math.isfinite(v)]
        axes.plot([x for x, _ in kept], [y for _, y in kept], marker, ms=4, color=colour, label=name)
    axes.set_xlabel("line")
    axes.set_ylabel("error / range")
    axes.set_title(f"{title}: {summary}", fontsize=10, loc="left")
    axes.legend(fontsize=8, ncols=3, frameon=False, loc="upper right", bbox_to_anchor=(1, 1.18))
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=90, metadata={"Software": None})
    return out.getvalue()
