"""Consecutive regions compiled as one network, since compiling is most of what checking a line alone would cost.

Each region is in it once by itself, fed with the original's tensors (`alone`), and once in the chain of all regions so
far, fed with what the engine itself computed (`chained`). The two are told apart by the names of their tensors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from workbench.compare.regions import Region
from workbench.engines.base import Arrays, Weights
from workbench.graph import Graph, Node
from workbench.layers.input import Input

CAP_MB = 512.0  # what checking may hold in memory where the user names no cap
# Measured on a chain of convolutions, in bytes of judged tensors: 6 for all of a network (both copies of each line,
# what they are computed from, the engine's buffers and code), 18 for the line just being judged (float64 copies).
NETWORK, JUDGING = 8, 20
MOST = 64  # regions in one network: compiling takes more than twice as long for twice as many


@dataclass(frozen=True)
class Segment:
    """Regions in file order; a tensor that two of them compute on the way is computed once in the chain."""

    regions: tuple[Region, ...]

    @property
    def chain_inputs(self) -> list[str]:
        """What the chain takes from before: tensors that no region here computes."""
        made: set[str] = set()
        taken: dict[str, None] = {}
        for region in self.regions:
            taken.update(dict.fromkeys(t for t in region.inputs if t not in made))
            made.update(t for node in region.nodes for t in node.outputs)
        return list(taken)

    def graph(self, whole: Graph) -> Graph:
        """The network; it is fed by `feeds` and gives what `alone` and `chained` pick out."""
        names: dict[str, str] = {t: t for region in self.regions for t in region.inputs}
        names |= {_chain(t): t for t in self.chain_inputs}
        nodes = [_input(whole, tensor, name) for name, tensor in names.items()]
        outputs: list[str] = []
        for number, region in enumerate(self.regions):
            inside = {t for node in region.nodes for t in node.outputs}
            own = partial(_own, number, inside)
            nodes += [_renamed(node, own) for node in region.nodes]
            names |= {own(t): t for t in inside}
            outputs += [f(t) for t in region.node.outputs for f in (own, _chain)]
        for node in self._chain_nodes():
            nodes.append(_renamed(node, _chain))
            names |= {_chain(t): t for t in node.outputs}
        specs = {name: whole.specs[tensor] for name, tensor in names.items()}
        return Graph([replace(n, index=i) for i, n in enumerate(nodes)], tuple(outputs), specs=specs, file=whole.file)

    def weights(self, whole: Weights) -> Weights:
        """The network's weights, by its own node indices."""
        first = len({t for region in self.regions for t in region.inputs}) + len(self.chain_inputs)
        nodes = [node for region in self.regions for node in region.nodes] + self._chain_nodes()
        return {first + i: whole[node.index] for i, node in enumerate(nodes) if node.index in whole}

    def feeds(self, original: Callable[[str], np.ndarray], live: Mapping[str, np.ndarray]) -> Arrays:
        """The original's tensors, and for the chain what is `live`, the original's where nothing is."""
        own = {t: original(t) for region in self.regions for t in region.inputs}
        return own | {_chain(t): live[t] if t in live else original(t) for t in self.chain_inputs}

    def alone(self, number: int, outputs: Arrays) -> Arrays:
        return {t: outputs[f"{number}/{t}"] for t in self.regions[number].node.outputs}

    def chained(self, number: int, outputs: Arrays) -> Arrays:
        return {t: outputs[_chain(t)] for t in self.regions[number].node.outputs}

    def _chain_nodes(self) -> list[Node]:
        return list({node.index: node for region in self.regions for node in region.nodes}.values())


def split_segments(
    regions: Sequence[Region], known: Mapping[str, np.ndarray], cap_mb: float = CAP_MB
) -> Iterator[Segment]:
    """All regions in their order: at most MOST to a segment, and no more than `cap_mb` MB suffice for (or one)."""
    segment: list[Region] = []
    size = largest = 0
    for region in regions:
        own = sum(known[t].nbytes for t in region.node.outputs if t in known)
        needed = NETWORK * (size + own) + JUDGING * max(largest, own)
        if segment and (needed > cap_mb * 2**20 or len(segment) == MOST):
            yield Segment(tuple(segment))
            segment, size, largest = [], 0, 0
        segment.append(region)
        size, largest = size + own, max(largest, own)
    if segment:
        yield Segment(tuple(segment))


def _input(whole: Graph, tensor: str, name: str) -> Node:
    spec = whole.specs[tensor]
    return Node(0, Input(shape=spec.shape, dtype=spec.dtype), (), (name,))  # type: ignore[call-arg]


def _renamed(node: Node, name: Callable[[str], str]) -> Node:
    return replace(node, inputs=tuple(map(name, node.inputs)), outputs=tuple(map(name, node.outputs)))


def _own(number: int, inside: set[str], tensor: str) -> str:
    return f"{number}/{tensor}" if tensor in inside else tensor


def _chain(tensor: str) -> str:
    return f"chain/{tensor}"
