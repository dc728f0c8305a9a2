"""Three sides of every line: the original's tensor, the layer's torch reference, and the engine that will be used.

Regions stream in file order. Each is run twice: fed with the original's own tensors (isolated) and with what the engine
itself computed so far (cumulative). Only what later regions read is kept. What noise allows is measured where an error
exceeds what is allowed in any case: a float64 run costs more than all the others.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from workbench.compare.drift import Drift
from workbench.compare.metrics import measure
from workbench.compare.parts import Part, part_error, parts_of
from workbench.compare.regions import Region, split_regions
from workbench.compare.result import Isolated, LineResult, Status
from workbench.compare.segments import CAP_MB, Segment, split_segments
from workbench.compare.verdict import error, tolerance
from workbench.engines import engine_class
from workbench.engines.base import Arrays, Weights
from workbench.engines.reference import evaluate_graph
from workbench.engines.rounding import rounded
from workbench.errors import WorkbenchError
from workbench.graph import Graph


@dataclass
class Checker:
    """Checks a graph against the original's tensors (`originals`, by the config's tensor names, in its arrangement)."""

    graph: Graph
    weights: Weights
    originals: Mapping[str, np.ndarray]
    feeds: Mapping[str, np.ndarray] = field(default_factory=dict)
    engine: str = "openvino"
    precision: str = "f32"
    threads: int | None = None
    cap_mb: float = CAP_MB

    def __post_init__(self) -> None:
        self.regions = split_regions(self.graph, self.originals)
        self._parts = parts_of(self.graph)
        self._live: Arrays = {}  # what the engine computed so far and a later segment reads
        self._drift = Drift(self.regions, self.originals, self._original, self._reference, self.precision)
        self.outputs: Arrays = {}  # what the streamed engine gave for the graph's outputs

    def set_parts(self, parts: Mapping[str, list[Part]]) -> None:
        """Parts that this graph alone does not tell, as it is a piece of another."""
        self._parts = {**parts, **self._parts}

    def computed(self, region: Region) -> Arrays:
        """The engine's tensors of the region's line, fed with the original's.

        Raises WorkbenchError where an input is not known, or the engine cannot run the line.
        """
        feeds = {t: self._original(t) for t in region.inputs}
        return self._run(region.graph(self.graph), region.weights(self.weights), feeds)

    def isolated(self, region: Region) -> dict[str, Isolated]:
        """The verdict on the region's outputs, fed with the original's tensors; raises as `computed` does."""
        return self._isolated(region, self.computed(region))

    def alone(self, region: Region) -> LineResult:
        """The line's verdict from its isolated error only."""
        try:
            results = self.isolated(region)
        except WorkbenchError as problem:
            return _broken(region, problem)
        worst = _worst(results)
        status = Status.PASSED if worst.passed else Status.FAILED
        return LineResult(region.node, status, worst, region=region.nodes, message=_say(worst))

    def stream(self) -> Iterator[LineResult]:
        """A LineResult for each region in file order."""
        last = {t: i for i, region in enumerate(self.regions) for t in region.inputs}
        done = 0
        for segment in split_segments(self.regions, self.originals, self.cap_mb):
            yield from self._segment(segment, done)
            done += len(segment.regions)
            self._live = {t: x for t, x in self._live.items() if last.get(t, -1) >= done}

    def _segment(self, segment: Segment, first: int) -> Iterator[LineResult]:
        """The segment's lines; `first` numbers its first region. Halved until what does not run is alone."""
        try:
            feeds = segment.feeds(self._original, self._live)
            outputs = self._run(segment.graph(self.graph), segment.weights(self.weights), feeds)
        except WorkbenchError as problem:
            if len(segment.regions) == 1:
                yield self._skip(segment.regions[0], first, problem)
                return
            half = len(segment.regions) // 2
            yield from self._segment(Segment(segment.regions[:half]), first)
            yield from self._segment(Segment(segment.regions[half:]), first + half)
            return
        for i, region in enumerate(segment.regions):
            chained = segment.chained(i, outputs)
            self._live.update(chained)
            self.outputs.update({t: x for t, x in chained.items() if t in self.graph.outputs})
            yield self._line(region, first + i, segment.alone(i, outputs), chained)

    def _line(self, region: Region, number: int, alone: Arrays, chained: Arrays) -> LineResult:
        worst = _worst(self._isolated(region, alone))
        moved = max(error(x, self.originals[t]) for t, x in chained.items() if t in self.originals)
        allowed = tolerance(0.0, self.precision)
        if moved > allowed:
            allowed = self._drift.allowed(number)
        status = Status.FAILED if not worst.passed else Status.DRIFT if moved > allowed else Status.PASSED
        return LineResult(region.node, status, worst, moved, allowed, region.nodes, message=_say(worst))

    def _skip(self, region: Region, number: int, problem: WorkbenchError) -> LineResult:
        """A region that cannot run hands the original's tensors on, so that later lines are still judged."""
        self._drift.skip(number)
        self._live.update({t: self.originals[t] for t in region.node.outputs if t in self.originals})
        return _broken(region, problem)

    def _run(self, graph: Graph, weights: Weights, feeds: Arrays) -> Arrays:
        cls = engine_class(self.engine)
        cls.require(self.precision, self.threads)
        with cls.build(graph, weights, precision=self.precision, threads=self.threads) as engine:
            return engine.run(feeds, check=False)

    def _reference(self, region: Region, feeds: Arrays, precision: str = "f32", to: str = "") -> Arrays:
        weights = region.weights(self.weights)
        if to:
            weights = {i: rounded(w, to) for i, w in weights.items()}
        return evaluate_graph(region.graph(self.graph), weights, rounded(feeds, to) if to else feeds, precision)

    def _isolated(self, region: Region, got: Arrays) -> dict[str, Isolated]:
        feeds = {t: self._original(t) for t in region.inputs}
        ref = self._reference(region, feeds)
        noises: dict[str, float] = {}
        results = {}
        for tensor in region.node.outputs:
            if tensor not in self.originals:
                continue
            want, parts = self.originals[tensor], self._parts.get(tensor)
            exact = region.exact or self.graph.specs[tensor].dtype[0] in "iu"
            engine, reference = measure(got[tensor], want, parts), part_error(ref[tensor], want, parts)
            noise, allowed = math.nan, tolerance(0.0, self.precision, exact)
            if max(engine.error, reference) > allowed:
                noises = noises or self._noise(region, feeds, ref)
                noise = noises[tensor]
                allowed = tolerance(noise, self.precision, exact, region.terms(self.weights))
            results[tensor] = Isolated(engine, reference, noise, allowed)
        return results

    def _noise(self, region: Region, feeds: Arrays, ref: Arrays) -> dict[str, float]:
        """The region's own rounding error by output: float32 against float64, or rounded operands against not."""
        if self.precision == "f32":
            other = self._reference(region, feeds, "f64")
            return {t: error(ref[t], other[t]) for t in region.node.outputs}
        other = self._reference(region, feeds, to=self.precision)
        return {t: error(other[t], ref[t]) for t in region.node.outputs}

    def _original(self, tensor: str) -> np.ndarray:
        if tensor in self.originals:
            return self.originals[tensor]
        if tensor in self.feeds:
            return self.feeds[tensor]
        raise WorkbenchError(
            f"input '{tensor}' is not known: the example is what the original is fed, not this config's input",
            note="give Session(..., feeds={'" + tensor + "': array}) to check this line too",
        )


def _broken(region: Region, problem: WorkbenchError) -> LineResult:
    status = Status.UNSUPPORTED if "does not run on" in problem.problem else Status.FAILED
    return LineResult(region.node, status, region=region.nodes, message=problem.problem)


def _worst(results: Mapping[str, Isolated]) -> Isolated:
    return max(results.values(), key=lambda r: r.engine.error / max(r.tolerance, 1e-300))


def _say(result: Isolated) -> str:
    m = result.engine
    if not m.comparable:
        return f"shape: expected {list(m.shape_expected)}, as the original has it; got {list(m.shape)}"
    if m.nan:
        return f"{m.nan} NaN or Inf values that the original does not have, the first at {list(m.worst)}"
    return ""
