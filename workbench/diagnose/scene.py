"""A wrong line by itself: what it reads and must give, so that corrections of it can be tried alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from workbench import shapes
from workbench.compare.check import Checker
from workbench.compare.parts import Part, slices
from workbench.compare.regions import Region, split_regions
from workbench.compare.result import LineResult, Status
from workbench.compare.verdict import error
from workbench.diagnose.result import BEFORE
from workbench.engines.base import Arrays, Weights
from workbench.engines.reference import evaluate_graph
from workbench.errors import WorkbenchError
from workbench.graph import Act, Graph, Node, TensorSpec
from workbench.layers.base import LAYERS, items
from workbench.layers.input import Input
from workbench.trace.tie import graph_ties
from workbench.weights import WeightPlan, plan_weights
from workbench.weights.from_torch import weights_from_model

if TYPE_CHECKING:
    from workbench.trace.original import Original

NODE_KEYS = ("act", "act_alpha", "act_beta", "input", "source")
ADDED = -1  # index of such a line
Nodes = tuple[Node, ...]
REFUSALS = (
    WorkbenchError,
    RuntimeError,
    ValueError,
    IndexError,
    TypeError,
)  # torch's own, for parameters without sense


@dataclass
class Scene:
    """`node` is judged and `nodes` (itself last) are what lies between tied tensors and it.

    `specs` holds the tensors above it, `tensors` the original's values of those that are tied, `want` what the line
    must give. `stored` gives a node's weights where they come from a file rather than from the model.
    """

    node: Node
    nodes: tuple[Node, ...]
    specs: Mapping[str, TensorSpec]
    tensors: Mapping[str, np.ndarray]
    want: Arrays
    ties: Mapping[str, str]
    original: Original
    engine: str = "openvino"
    precision: str = "f32"
    threads: int | None = None
    parts: Mapping[str, list[Part]] | None = None
    stored: Weights | None = None

    def __post_init__(self) -> None:
        self._weights: dict[str, Weights | WorkbenchError] = {}

    def edited(self, node: Node, edit: Mapping[str, str | None]) -> Nodes:
        """The node with keys changed, as the config would give it, behind a line that `before` puts in.

        Raises WorkbenchError for values it cannot have.
        """
        known, own, act = type(node.layer).keys(), {}, node.act._asdict()
        added: Nodes = ()
        for key, text in edit.items():
            if key in known:
                own[key] = known[key].default if text is None else known[key].parse(text)
            elif key == BEFORE:
                added = (self._line(node, str(text)),)
                node = replace(node, inputs=(*added[0].outputs, *node.inputs[1:]))
            elif key == "input":
                node = replace(node, inputs=tuple(items(text)))
            elif key == "source":
                node = replace(node, source=dict(word.split(":", 1) for word in items(text or "")))
            elif key == "act":
                act["name"] = text or "identity"
            else:
                act[key.removeprefix("act_")] = None if text is None else float(text)
        return (*added, replace(node, layer=replace(node.layer, **own), act=Act(**act)))

    def _line(self, node: Node, text: str) -> Node:
        """A line `tag key=value ...` that takes the node's first input."""
        tag, *keys = text.split()
        layer = LAYERS[tag].parse(dict(word.split("=", 1) for word in keys))
        return Node(ADDED, layer, node.inputs[:1], (f"{node.inputs[0]}_{tag}",), node.where)

    def graph(self, changed: Nodes) -> Graph:
        """The scene as a graph with `changed`, its last node in the place of the one it was made from.

        Raises WorkbenchError where its shapes do not fit.
        """
        return self.graph_of([m for n in self.nodes for m in (changed if n.index == changed[-1].index else (n,))])

    def graph_of(self, body: Sequence[Node]) -> Graph:
        """These lines as a graph that is fed with the original's tensors and gives the judged line's.

        Raises WorkbenchError where its shapes do not fit, and for an input that no tie makes known.
        """
        made = {t for n in body for t in n.outputs}
        inputs = list(dict.fromkeys(t for n in body for t in n.inputs if t not in made))
        feeds = []
        for i, tensor in enumerate(inputs):
            if tensor not in self.tensors:
                raise WorkbenchError(f"'{tensor}' is not known", note="no tie says which tensor of the original it is")
            spec = TensorSpec(tuple(self.tensors[tensor].shape), self.specs[tensor].dtype)
            layer = Input(shape=spec.shape, dtype=spec.dtype)  # type: ignore[call-arg]
            feeds.append(Node(i, layer, (), (tensor,), tie=self.ties.get(tensor, "")))
        nodes = [*feeds, *(replace(n, index=len(feeds) + i) for i, n in enumerate(body))]
        graph = Graph(nodes, self.node.outputs)
        shapes.infer(graph)
        return graph

    def weights(self, graph: Graph) -> Weights:
        """The scene's weights: the file's where their shapes fit, else what the model gives for the changed line."""
        plan = plan_weights(graph)
        if not plan.stored:
            return {}
        key = repr([(n.layer, n.inputs, n.source, n.act) for n in graph.body if plan.bound.get(n.index)])
        if key not in self._weights:
            self._weights[key] = self._stored(plan) or self._of_model(graph, plan)
        if isinstance(known := self._weights[key], WorkbenchError):
            raise known
        return known

    def _of_model(self, graph: Graph, plan: WeightPlan) -> Weights | WorkbenchError:
        try:
            return plan.split(weights_from_model(graph, plan, self.original.source).values, finite=False)
        except WorkbenchError as problem:
            return problem

    def _stored(self, plan: WeightPlan) -> Weights | None:
        if self.stored is None:
            return None
        found: dict[int, dict[str, np.ndarray]] = {}
        for spec in plan.stored:
            own = next(n for n in self.nodes if n.outputs == spec.node.outputs)
            array = self.stored.get(own.index, {}).get(spec.letter)
            if array is None or array.shape != spec.shape:
                return None
            found.setdefault(spec.node.index, {})[spec.letter] = array
        return found

    def values(self, changed: Nodes) -> Arrays:
        """What the torch reference of the changed scene gives. Raises one of REFUSALS where it cannot be computed."""
        graph = self.graph(changed)
        if any(not self._shaped(graph.specs[t].shape, r.shape) for t, r in self.want.items()):
            raise WorkbenchError("another shape than the original's")
        feeds = {t: self.tensors[t] for t in graph.inputs}
        with np.errstate(invalid="ignore", over="ignore", divide="ignore"):  # a wrong weights file holds anything
            return evaluate_graph(graph, self.weights(graph), feeds, "f32")

    def reference_error(self, changed: Nodes) -> float:
        """How far the torch reference of the changed line is from the original; inf where it cannot be."""
        try:
            got = self.values(changed)
        except REFUSALS:
            return float("inf")
        return max(self._error(t, got[t]) for t in self.want)

    def _shaped(self, got: Iterable[int], want: Iterable[int]) -> bool:
        got, want = tuple(got), tuple(want)
        return len(got) == len(want) and all(a in (-1, b) for a, b in zip(got, want, strict=True))

    def _error(self, tensor: str, got: np.ndarray) -> float:
        want, parts = self.want[tensor], (self.parts or {}).get(tensor)
        if not parts or got.shape != want.shape:
            return error(got, want)
        return max(error(got[p], want[p]) for p in slices(parts, want.ndim))

    def verdict(self, changed: Nodes) -> LineResult:
        """The full verdict, reference and engine, on the changed line."""
        try:
            graph = self.graph(changed)
            weights = self.weights(graph)
        except REFUSALS as problem:
            return LineResult(changed[-1], Status.FAILED, message=str(problem))
        known = {t: self.tensors[t] for t in graph.inputs}
        checker = Checker(graph, weights, {**known, **self.want}, {}, self.engine, self.precision, self.threads)
        if self.parts:
            checker.set_parts(self.parts)
        region = next(r for r in checker.regions if r.node.outputs == self.node.outputs)
        return checker.alone(region)

    def passes(self, changed: Nodes) -> bool:
        result = self.verdict(changed)
        iso = result.isolated
        return result.status is Status.PASSED and iso is not None and iso.reference <= iso.tolerance


def region_of(graph: Graph, node: Node, known: Iterable[str]) -> Region:
    """The node and all before it back to known tensors, whether or not it can be computed."""
    names = {*known, *node.outputs}
    return next(r for r in split_regions(graph, dict.fromkeys(names)) if r.node.index == node.index)


def tie_texts(graph: Graph) -> dict[str, str]:
    """Every tied tensor's tie as text, for lines without a view (weights are looked for through them)."""
    return {tensor: str(tie) for tensor, tie in graph_ties(graph).items()}
