"""A config as a table: line, layer, name, output shapes, weights and FLOPs of each, and the sums."""

from __future__ import annotations

from typing import NamedTuple

from workbench.graph import Graph
from workbench.weights import plan_weights


class Row(NamedTuple):
    """One line of the config. `weights` counts the floats that it stores (a shared tensor counts where it stands)."""

    line: int
    layer: str
    name: str
    shapes: str
    weights: int
    flops: int


def rows(graph: Graph) -> list[Row]:
    """A row per node of a graph whose shapes are inferred. Raises WorkbenchError for weights shared wrongly."""
    stored: dict[int, int] = {}
    for spec in plan_weights(graph).stored:
        stored[spec.node.index] = stored.get(spec.node.index, 0) + spec.count
    return [
        Row(
            getattr(node.where, "line", 0),
            node.tag,
            ",".join(node.outputs),
            " ".join(str(graph.specs[name]) for name in node.outputs),
            stored.get(node.index, 0),
            0 if node.tag == "input" else node.layer.flops(*[graph.specs[name] for name in node.inputs]),
        )
        for node in graph
    ]


def table(graph: Graph) -> str:
    """The rows as text, with the totals below."""
    found = rows(graph)
    total = Row(0, "total", f"{len(found)} lines", "", sum(r.weights for r in found), sum(r.flops for r in found))
    cells = [("line", "layer", "name", "output", "weights", "FLOPs")]
    cells += [(str(r.line or ""), r.layer, r.name, r.shapes, f"{r.weights:,}", f"{r.flops:,}") for r in [*found, total]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
    align = [str.rjust, str.ljust, str.ljust, str.ljust, str.rjust, str.rjust]
    return "\n".join("  ".join(a(c, w) for a, c, w in zip(align, row, widths, strict=True)).rstrip() for row in cells)
