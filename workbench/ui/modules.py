"""The original's modules and operators as the browser lists them, and which config line covers each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.errors import WorkbenchError
from workbench.graph import Graph
from workbench.trace.tie import Tie

if TYPE_CHECKING:
    from workbench.trace.original import Original

Row = dict[str, Any]


def module_rows(original: Original) -> list[Row]:
    """A row for each module, with a row for each operator of its own forward below it, in the order of the model."""
    operators: dict[str, list[Row]] = {}
    shapes: dict[str, str] = {}
    for tie, shape, _ in recorded(original):
        size = ",".join(map(str, shape))
        if tie.op:
            name = str(tie).rpartition("/")[2]
            operators.setdefault(tie.path, []).append(
                {"tie": str(tie), "name": name, "shape": size, "kind": "operator"}
            )
        elif not tie.out:
            shapes.setdefault(tie.path, size)
    rows: list[Row] = []
    for path, module in original.model.named_modules():
        depth = path.count(".") + 1 if path else 0
        name = path.rpartition(".")[2] or type(original.model).__name__
        shape = shapes.get(path or "output", "")
        rows.append({"tie": path, "name": name, "depth": depth, "kind": type(module).__name__, "shape": shape})
        own = operators.get(path, [])
        if len(own) > 1 or (own and any(module.children())):  # else the module is that operator
            rows += [row | {"depth": depth + 1} for row in own]
    return rows


def recorded(original: Original) -> list[Any]:
    """Every tensor that a line can be tied to, in execution order."""
    return original.exported.paths() if original.exported is not None else original.trace.paths()


def tie_names(original: Original) -> list[str]:
    """All ties, for completion."""
    return [str(row.tie) for row in recorded(original)]


def order_of(original: Original) -> list[str]:
    """The modules that compute something, in the order in which they first do."""
    if original.exported is None:
        return list(
            dict.fromkeys(row.tie.path for row in original.trace.paths() if row.tie.path not in ("input", "output"))
        )
    constant = original.exported.constant
    return list(dict.fromkeys(op.tie.path for op in original.exported.operators if op.node not in constant))


def coverage(original: Original, graph: Graph) -> dict[str, int]:
    """The entry of the first line that covers each module with operators."""
    covered: dict[str, int] = {}
    entries = {node.index: node.entry for node in graph}
    for index, span in original.source.spans(graph).items():
        if not isinstance(span, WorkbenchError):
            for op in span.operators:
                covered.setdefault(op.tie.path, entries[index])
    return covered


def proposal(original: Original, tie: str) -> str:
    """The line that a module's type maps to; empty where no single layer does what it does."""
    from workbench.draft.propose import propose

    modules = dict(original.model.named_modules())
    return propose(modules[tie], tie) if tie in modules else ""


def next_proposal(original: Original, covered: dict[str, int]) -> str:
    """A line for the first module, in the order of the forward, that no line covers yet."""
    paths = (path for path in order_of(original) if path not in covered)
    return next(filter(None, (proposal(original, str(Tie(path))) for path in paths)), "")
