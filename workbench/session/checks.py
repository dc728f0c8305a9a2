"""What a session checks: every line against the original, one line alone, and the engine as it will be built."""

from __future__ import annotations

import time
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.compare.check import Checker
from workbench.compare.regions import Region, judged_by, split_regions
from workbench.compare.report import Report
from workbench.compare.result import LineResult, Status
from workbench.compare.verdict import error
from workbench.engines.base import Arrays
from workbench.errors import Problems, WorkbenchError
from workbench.graph import Graph
from workbench.progress import Progress
from workbench.weights import plan_weights

if TYPE_CHECKING:
    from workbench.session.session import Session
    from workbench.trace.original import OriginalTensors


def check_all(session: Session, progress: Progress) -> Report:
    """Every line, isolated and cumulative, on the session's engine; then the engine as a whole."""
    start = time.perf_counter()
    parsed = session.parse()
    graph, problems = parsed.graph, Problems()
    problems.errors += parsed.errors
    for original in progress([session.original], "tracing", 1):
        originals = original.tensors(graph, problems)
    problems.raise_errors()
    checker = checker_of(session, graph, originals)
    results = list(progress(checker.stream(), "checking", len(checker.regions)))
    warnings = [*map(str, parsed.warnings), *session.original.notes, *map(str, session.weights(graph).warnings)]
    apart, notes = production(session, graph, checker)
    return Report(
        graph.file,
        session.engine,
        session.precision,
        _all_lines(graph, checker, results),
        [*warnings, *notes],
        session.original.uncovered(graph),
        apart,
        time.perf_counter() - start,
    )


def check_line(session: Session, index: int, graph: Graph) -> LineResult:
    """One line alone, fed with the original's own tensors."""
    originals = original_tensors(session, graph)
    regions = split_regions(graph, originals)
    region = next((r for r in regions if r.node.index == index), None)
    if region is None:
        return LineResult(graph.nodes[index], Status.UNCHECKED, judged_by=judged_by(regions).get(index))
    return _region_checker(session, graph, originals, region).alone(region)


def line_tensors(session: Session, index: int, graph: Graph) -> tuple[Arrays, Arrays]:
    """The original's tensors of a line and the engine's, fed with the original's own."""
    originals = original_tensors(session, graph)
    node = graph.nodes[index]
    region = next((r for r in split_regions(graph, originals) if r.node.index == index), None)
    if region is None:
        raise WorkbenchError(f"{node} has no tie", node.where, "name= says which tensor of the original it equals")
    got = _region_checker(session, graph, originals, region).computed(region)
    return {t: originals[t] for t in node.outputs if t in originals}, got


def reproduce(session: Session, folder: str | Path, line: int) -> Path:
    """The line at this number in the file, or the tied one it is judged with, as a folder of its own."""
    from workbench.diagnose.reproduce import write_reproduction

    graph = session.graph()
    originals = original_tensors(session, graph)
    regions = split_regions(graph, originals)
    region = next((r for r in regions if line in [n.where.line for n in r.nodes]), None)
    if region is None:
        raise WorkbenchError(f"no tied line stands at or is judged with line {line}", graph.file, "name= ties it")
    checker = _region_checker(session, graph, originals, region)
    alone = checker.alone(region).isolated
    about = {"engine": session.engine, "precision": session.precision, "allowed": alone.tolerance if alone else 0.0}
    tensors = {**session.feeds(graph), **originals}
    return write_reproduction(folder, graph, region, checker.weights, tensors, about)


def production(session: Session, graph: Graph, checker: Checker) -> tuple[dict[str, float], list[str]]:
    """How far the engine checked line by line and the whole engine are apart, by output; why it was not run."""
    feeds = session.feeds(graph)
    if not feeds:
        return {}, ["the engine as a whole was not run: the example is not what the config is fed; give feeds="]
    with session.network().build(session.engine, session.precision, threads=session.threads) as engine:
        outputs = engine.run(feeds, check=False)
    return {n: error(outputs[n], checked) for n, checked in checker.outputs.items() if n in outputs}, []


def checker_of(
    session: Session, graph: Graph, originals: OriginalTensors, nodes: Collection[int] | None = None
) -> Checker:
    """The checker of a graph, with the weights of these nodes alone where they are given."""
    plan = plan_weights(graph)
    if nodes is None or session.weights_file is not None:
        values = session.weights(graph).values
    else:
        from workbench.weights.from_torch import weights_from_model

        plan = plan.only(nodes)
        values = weights_from_model(graph, plan, session.original.source).values
    weights = plan.split(values, finite=False)
    feeds = session.feeds(graph)
    return Checker(graph, weights, originals, feeds, session.engine, session.precision, session.threads, session.cap_mb)


def original_tensors(session: Session, graph: Graph) -> OriginalTensors:
    """The original's tensor of every tied line. Raises WorkbenchErrors for ties that do not exist."""
    problems = Problems()
    originals = session.original.tensors(graph, problems)
    problems.raise_errors()
    return originals


def _region_checker(session: Session, graph: Graph, originals: OriginalTensors, region: Region) -> Checker:
    return checker_of(session, graph, originals, [node.index for node in region.nodes])


def _all_lines(graph: Graph, checker: Checker, results: list[LineResult]) -> list[LineResult]:
    """A result for every line: those without a tie of their own name the line that judges them."""
    by_node, judges = {r.node.index: r for r in results}, judged_by(checker.regions)
    return [by_node.get(n.index) or LineResult(n, Status.UNCHECKED, judged_by=judges.get(n.index)) for n in graph.body]
