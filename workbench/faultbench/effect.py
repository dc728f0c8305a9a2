"""Which planted faults count: those that change their line's output, by the float64 reference.

A line's output with and without the fault is computed in float64 from the original's own tensors. The fault counts if
they differ by more than compare.verdict allows a right line, with the right line's own noise; a line that only copies,
bit for bit. A line without a tie is measured at the line that judges it.
"""

from __future__ import annotations

from enum import StrEnum

import numpy as np

from workbench.compare.parts import part_error, parts_of
from workbench.compare.regions import Region, split_regions
from workbench.compare.verdict import tolerance
from workbench.engines.base import Arrays
from workbench.engines.reference import evaluate_graph
from workbench.errors import Problems
from workbench.faultbench.kinds import Plant, Site
from workbench.graph import Graph
from workbench.session import Session


class Effect(StrEnum):
    COUNTS = "counts"
    NONE = "without effect"
    REFUSED = "refused at its line"  # the parser says what is wrong there: nothing is left to be found


@np.errstate(invalid="ignore", over="ignore")  # weights of other bits hold NaN and Inf
def effect(site: Site, plant: Plant, faulty: Session) -> Effect:
    """What the fault does, with `faulty` the session of its config."""
    parsed = faulty.parse()
    line = plant.node.where.line
    if parsed.errors and any(getattr(e.where, "line", 0) == line for e in parsed.errors):
        return Effect.REFUSED
    region = judging_region(site.session, site.graph, plant.node.entry)
    other = judging_region(faulty, parsed.graph, region.node.entry) if region else None
    if region is None:
        return Effect.NONE
    if other is None or not {t for n in other.nodes for t in (*n.inputs, *n.outputs)} <= parsed.graph.specs.keys():
        return Effect.COUNTS
    values = site.values if plant.values is None else _fitted(plant.values, site.plan.count)
    weights = site.plan.split(values, finite=False)
    if _shapes(site.graph, region) != _shapes(parsed.graph, other):
        return Effect.COUNTS
    own = site.plan.split(site.values)
    right = _outputs(site.session, site.graph, region, own, "f64")
    noisy = _outputs(site.session, site.graph, region, own, "f32")
    wrong = _outputs(faulty, parsed.graph, other, weights, "f64")
    parts = parts_of(site.graph)
    for name, other_name in zip(region.node.outputs, other.node.outputs, strict=True):
        noise = part_error(noisy[name], right[name], parts.get(name))
        allowed = tolerance(noise, exact=region.exact, terms=region.terms(own))
        if part_error(wrong[other_name], right[name], parts.get(name)) > allowed:
            return Effect.COUNTS
    return Effect.NONE


def judging_region(session: Session, graph: Graph, entry: int) -> Region | None:
    """The first region that holds the line; None where no tied line reads it."""
    regions = split_regions(graph, session.original.tensors(graph, Problems()))
    return next((r for r in regions if any(n.entry == entry for n in r.nodes)), None)


def _outputs(session: Session, graph: Graph, region: Region, weights: dict, precision: str) -> Arrays:
    originals, given = session.original.tensors(graph, Problems()), session.feeds(graph)
    feeds = {t: originals[t] if t in originals else given[t] for t in region.inputs}
    return evaluate_graph(region.graph(graph), region.weights(weights), feeds, precision)


def _fitted(values: np.ndarray, count: int) -> np.ndarray:
    """The first `count` floats, zeros where the file ends before."""
    return np.concatenate([values[:count], np.zeros(max(count - values.size, 0), np.float32)])


def _shapes(graph: Graph, region: Region) -> list[list[tuple[str, tuple[int, ...]]]]:
    return [n.layer.weights(*(graph.specs[t] for t in n.inputs)) for n in region.nodes]
