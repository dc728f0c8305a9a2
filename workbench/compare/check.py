"""Three sides of every line: the original's tensor, the layer's torch reference, and the engine that will be used.

Regions stream in file order. Each is compiled once and run twice: fed with the original's own tensors (isolated) and
with what the engine itself computed so far (cumulative). Only what later regions read is kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from workbench.compare.metrics import measure
from workbench.compare.parts import Part, part_error, parts_of
from workbench.compare.regions import Region, split_regions
from workbench.compare.result import Isolated, LineResult, Status
from workbench.compare.verdict import error, tolerance
from workbench.engines import engine_class
from workbench.engines.base import Arrays, Engine, Weights
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

    def __post_init__(self) -> None:
        self.regions = split_regions(self.graph, self.originals)
        self._parts = parts_of(self.graph)
        self._live: dict[str, Arrays] = {side: {} for side in ("engine", "f32", "f64")}
        self.outputs: Arrays = {}  # what the streamed engine gave for the graph's outputs

    def set_parts(self, parts: Mapping[str, list[Part]]) -> None:
        """Parts that this graph alone does not tell, as it is a piece of another."""
        self._parts = {**parts, **self._parts}

    def isolated(self, region: Region) -> dict[str, Isolated]:
        """The region's outputs, fed with the original's tensors. Raises WorkbenchError where an input is not known."""
        with self._engine(region) as engine:
            return self._isolated(region, engine)

    def alone(self, region: Region) -> LineResult:
        """The line's verdict from its isolated error only."""
        try:
            results = self.isolated(region)
        except WorkbenchError as problem:
            return LineResult(region.node, _status_of(problem), region=region.nodes, message=problem.problem)
        worst = _worst(results)
        status = Status.PASSED if worst.passed else Status.FAILED
        return LineResult(region.node, status, worst, region=region.nodes, message=_say(worst))

    def stream(self, cached: Mapping[int, dict[str, Isolated]] | None = None) -> Iterator[LineResult]:
        """A LineResult for each region in file order; `cached` isolated results (by node index) are not run again."""
        last = {t: i for i, region in enumerate(self.regions) for t in region.inputs}
        for i, region in enumerate(self.regions):
            try:
                yield self._line(region, (cached or {}).get(region.node.index))
            except WorkbenchError as problem:
                yield LineResult(region.node, _status_of(problem), region=region.nodes, message=problem.problem)
                self._restart(region)
            for live in self._live.values():
                for tensor in [t for t in live if last.get(t, -1) <= i]:
                    value = live.pop(tensor)
                    if live is self._live["engine"] and tensor in self.graph.outputs:
                        self.outputs[tensor] = value

    def _line(self, region: Region, cached: dict[str, Isolated] | None) -> LineResult:
        with self._engine(region) as engine:
            results = cached or self._isolated(region, engine)
            moved, allowed = self._cumulative(region, engine)
        worst = _worst(results)
        status = Status.FAILED if not worst.passed else Status.DRIFT if moved > allowed else Status.PASSED
        return LineResult(region.node, status, worst, moved, allowed, region.nodes, message=_say(worst))

    def _engine(self, region: Region) -> Engine:
        return engine_class(self.engine).build(
            region.graph(self.graph), region.weights(self.weights), precision=self.precision, threads=self.threads
        )

    def _reference(self, region: Region, feeds: Arrays, precision: str = "f32", to: str = "") -> Arrays:
        weights = region.weights(self.weights)
        if to:
            weights = {i: rounded(w, to) for i, w in weights.items()}
        return evaluate_graph(region.graph(self.graph), weights, rounded(feeds, to) if to else feeds, precision)

    def _isolated(self, region: Region, engine: Engine) -> dict[str, Isolated]:
        feeds = {t: self._original(t) for t in region.inputs}
        got = engine.run(feeds, check=False)
        ref = self._reference(region, feeds)
        noisy = self._noise(region, feeds, ref)
        results = {}
        for tensor in region.node.outputs:
            if tensor not in self.originals:
                continue
            want, spec = self.originals[tensor], self.graph.specs[tensor]
            parts = self._parts.get(tensor)
            exact = region.exact or spec.dtype[0] in "iu"
            noise = noisy[tensor]
            results[tensor] = Isolated(
                measure(got[tensor], want, parts),
                part_error(ref[tensor], want, parts),
                noise,
                tolerance(noise, self.precision, exact),
            )
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

    def _cumulative(self, region: Region, engine: Engine) -> tuple[float, float]:
        """(error of what the engine computed from its own results, what float32 noise alone allows)."""
        feeds = {side: self._carried(region, live) for side, live in self._live.items()}
        y = {
            "engine": engine.run(feeds["engine"], check=False),
            "f32": self._reference(region, feeds["f32"], to="" if self.precision == "f32" else self.precision),
            "f64": self._reference(region, feeds["f64"], "f64"),
        }
        for side, live in self._live.items():
            live.update(y[side])
        moved, allowed = 0.0, 0.0
        for t in region.node.outputs:
            if t in self.originals:
                moved = max(moved, error(y["engine"][t], self.originals[t]))
                allowed = max(allowed, tolerance(error(y["f32"][t], y["f64"][t]), self.precision))
        return moved, allowed

    def _carried(self, region: Region, live: Arrays) -> Arrays:
        return {t: live[t] if t in live else self._original(t) for t in region.inputs}

    def _restart(self, region: Region) -> None:
        """A region that could not run hands the original's tensors on, so that later lines are still judged."""
        for live in self._live.values():
            live.update({t: self.originals[t] for t in region.node.outputs if t in self.originals})


def _status_of(problem: WorkbenchError) -> Status:
    return Status.UNSUPPORTED if "does not run on" in problem.problem else Status.FAILED


def _worst(results: Mapping[str, Isolated]) -> Isolated:
    return max(results.values(), key=lambda r: r.engine.error / max(r.tolerance, 1e-300))


def _say(result: Isolated) -> str:
    m = result.engine
    if not m.comparable:
        return f"shape: expected {list(m.shape_expected)}, as the original has it; got {list(m.shape)}"
    if m.nan:
        return f"{m.nan} NaN or Inf values that the original does not have, the first at {list(m.worst)}"
    return ""
