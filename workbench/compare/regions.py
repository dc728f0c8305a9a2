"""The pieces of a config that can be judged alone: from tied tensors to the next tied line.

A line whose inputs are all tied is a region of its own. Where an input has no tie, the region reaches back to the
nearest tensors that have one; the lines in between carry no verdict of their own, this region's line judges them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from workbench.engines.base import Weights
from workbench.graph import Graph, Node
from workbench.layers.activation import ACTS
from workbench.layers.input import Input


@dataclass(frozen=True)
class Region:
    """`node` is judged; `nodes` (itself last) are computed from `inputs`."""

    node: Node
    nodes: tuple[Node, ...]
    inputs: tuple[str, ...]

    def graph(self, whole: Graph) -> Graph:
        """The region as a graph whose inputs are its boundary tensors."""
        feeds = [
            Node(i, Input(shape=whole.specs[t].shape, dtype=whole.specs[t].dtype), (), (t,))  # type: ignore[call-arg]
            for i, t in enumerate(self.inputs)
        ]
        body = [replace(n, index=len(feeds) + i) for i, n in enumerate(self.nodes)]
        names = {*self.inputs, *(t for n in self.nodes for t in n.outputs)}
        return Graph([*feeds, *body], self.node.outputs, specs={t: whole.specs[t] for t in names}, file=whole.file)

    def weights(self, whole: Weights) -> Weights:
        """The region's weights, by its own node indices."""
        first = len(self.inputs)
        return {first + i: whole[n.index] for i, n in enumerate(self.nodes) if n.index in whole}

    def terms(self, whole: Weights) -> int:
        """Length of its longest sum of products: the kernel's size for one output channel."""
        kernels = [w["w"] for n in self.nodes if "w" in (w := whole.get(n.index, {}))]
        return max((w.size // len(w) for w in kernels if w.ndim > 1), default=0)

    @property
    def exact(self) -> bool:
        """True where everything in it only copies or selects values."""
        return all(n.layer.exact and ACTS[n.act.name].exact for n in self.nodes)


def split_regions(graph: Graph, known: Mapping[str, object]) -> list[Region]:
    """One region for each line that has a known tensor, in file order; `known` maps tensors to their originals."""
    made = graph.producer()
    return [_region(node, made, known) for node in graph.body if any(t in known for t in node.outputs)]


def _region(node: Node, made: Mapping[str, Node], known: Mapping[str, object]) -> Region:
    inside, inputs, todo = {node.index: node}, [], list(node.inputs)
    while todo:
        tensor = todo.pop(0)
        source = made[tensor]
        if tensor in known or source.tag == "input":
            if tensor not in inputs:
                inputs.append(tensor)
        elif source.index not in inside:
            inside[source.index] = source
            todo += source.inputs
    return Region(node, tuple(inside[i] for i in sorted(inside)), tuple(inputs))


def judged_by(regions: list[Region]) -> dict[int, Node]:
    """For each untied node, the tied node whose region holds it first."""
    found: dict[int, Node] = {}
    for region in regions:
        for node in region.nodes[:-1]:
            found.setdefault(node.index, region.node)
    return found
