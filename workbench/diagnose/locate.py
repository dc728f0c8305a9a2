"""Where a config first goes wrong: by its text, its shapes, its weights, or the values that a line gives."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from workbench import shapes
from workbench.compare.check import Checker
from workbench.compare.result import LineResult, Status
from workbench.engines.base import Weights
from workbench.errors import Problems, WorkbenchError
from workbench.graph import Graph, Node
from workbench.progress import Progress
from workbench.weights import plan_weights
from workbench.weights.from_torch import weights_from_model

if TYPE_CHECKING:
    from workbench.session import Session

BAD = (Status.FAILED, Status.UNSUPPORTED)


@dataclass
class Located:
    """The first wrong line: `result` where values showed it, `error` where the text, shapes or weights did.

    `graph` is the config as far as it can be read (`complete`: all of it), `sound` its lines before the first that
    cannot be computed, for all of which there are `originals` where they are tied, and `weights` (`stored` says: of a
    file). `unchecked` is the first line that time did not suffice for; `results` are those before.
    """

    graph: Graph
    sound: Graph
    originals: MutableMapping[str, np.ndarray]
    weights: Weights | None
    stored: bool
    complete: bool
    errors: list[WorkbenchError]
    notes: list[str]
    node: Node | None = None
    result: LineResult | None = None
    error: WorkbenchError | None = None
    unchecked: Node | None = None
    results: list[LineResult] = field(default_factory=list)
    checker: Checker | None = None


def read(session: Session, values: np.ndarray | None = None) -> Located:
    """The config as far as it can be computed; `values` are a weights file's floats, instead of the model's."""
    parsed, problems = session.parse(), Problems()
    originals = session.original.tensors(parsed.graph, problems)
    errors = [*parsed.errors, *problems.errors]
    complete = not errors
    sound = _before(parsed.graph, errors)
    weights, more = _weights(session, sound, values)
    errors += more
    sound = _before(sound, errors)
    if more and values is None:
        weights, _ = _weights(session, sound, None)
    notes = [warning.problem for warning in parsed.warnings]
    known: MutableMapping[str, np.ndarray] = ChainMap({}, originals)  # type: ignore[arg-type]  # written to the first
    return Located(parsed.graph, sound, known, weights, values is not None, complete, errors, notes)


def locate(session: Session, found: Located, progress: Progress, late: Callable[[], bool]) -> None:
    """Check line after line of what was read up to the first wrong one, or until `late()`."""
    _stream(session, found, progress, late)
    if found.node is None and found.errors:
        found.error = min(found.errors, key=_line)
        found.node = next((n for n in found.graph.nodes if n.where.line == _line(found.error)), None)


def _line(error: WorkbenchError) -> int:
    return getattr(error.where, "line", 0)


def _before(graph: Graph, errors: list[WorkbenchError]) -> Graph:
    """The lines before the first wrong one that can be computed."""
    first = min((_line(e) for e in errors if _line(e)), default=0)
    nodes = [n for n in graph.nodes if not first or n.where.line < first or n.tag == "input"]
    known = {t for n in nodes for t in n.outputs}
    ends = [t for t in graph.outputs if t in known] or (list(nodes[-1].outputs) if nodes else [])
    kept = [replace(n, index=i) for i, n in enumerate(nodes)]
    cut = Graph(kept, tuple(ends), graph.model, {}, graph.file)
    shapes.infer(cut)
    return cut


def _weights(session: Session, graph: Graph, values: np.ndarray | None) -> tuple[Weights | None, list[WorkbenchError]]:
    try:
        plan = plan_weights(graph)
        if values is None:
            values = weights_from_model(graph, plan, session.original.source).values
            return plan.split(values, finite=False), []
        return plan.split(values[: plan.count], finite=False), []
    except WorkbenchError as problem:
        return None, getattr(problem, "errors", [problem])


def _stream(session: Session, found: Located, progress: Progress, late: Callable[[], bool]) -> None:
    if found.weights is None or not found.sound.body:
        return
    feeds, options = session.feeds(found.sound), (session.engine, session.precision, session.threads, session.cap_mb)
    checker = Checker(found.sound, found.weights, found.originals, feeds, *options)
    found.checker = checker
    drift = []
    for result in progress(checker.stream(), "diagnosing", len(checker.regions)):
        found.results.append(result)
        if result.status is Status.DRIFT:
            drift.append(result.node.where.line)
        unknown = "is not known" in result.message  # an input that nothing feeds is no fault of the line
        if result.status in BAD and not unknown:
            found.node, found.result = result.node, result
            break
        if unknown:
            found.notes.append(f"{result.node.where} {result.node} was not checked: {result.message}")
        if late():
            found.unchecked = _after(result.node, checker)
            break
    if drift:
        lines = ", ".join(map(str, drift[:8]))
        found.notes.append(f"drift, not a fault: lines {lines} are right alone, but what reaches them has moved")


def _after(node: Node, checker: Checker) -> Node | None:
    return next((region.node for region in checker.regions if region.node.index > node.index), None)
