"""What is known of each line, kept by what the line says and depends on: an undone edit has its verdict back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from workbench.compare.result import LineResult, Status
from workbench.graph import Graph, Node


class Signature(NamedTuple):
    """`alone` stands for all that the isolated verdict depends on, `chained` for all that the cumulative one does."""

    alone: int
    chained: int


def signatures(graph: Graph) -> dict[int, Signature]:
    """The signature of each line by its entry's id. Line numbers and order are left out of it."""
    made, found, by_entry = graph.producer(), dict[int, Signature](), dict[int, Signature]()
    for node in graph:
        own = _own(node, graph)
        near = tuple(_near(made[t], t, found) for t in node.inputs)
        far = tuple((found[made[t].index].chained, made[t].outputs.index(t)) for t in node.inputs)
        found[node.index] = by_entry[node.entry] = Signature(hash((own, near)), hash((own, far)))
    return by_entry


def _own(node: Node, graph: Graph) -> str:
    specs = [graph.specs.get(t) for t in node.outputs]
    return repr((node.layer, node.act, node.prec_mode, node.tie, node.view, dict(node.source), node.refweight, specs))


def _near(producer: Node, tensor: str, found: Mapping[int, Signature]) -> object:
    """A tied tensor is the original's own, whatever makes it; an untied one is what its line computes."""
    out = producer.outputs.index(tensor)
    tied = producer.tie or producer.tag == "input"
    return (producer.tie or tensor, producer.view, out) if tied else (found[producer.index].alone, out)


class Verdicts:
    """The results of checks, by the signatures that their lines had then."""

    def __init__(self) -> None:
        self._alone: dict[int, LineResult] = {}
        self._chained: dict[int, LineResult] = {}
        self._fresh: set[int] = set()  # signatures that were checked alone after an edit
        self._last: dict[int, LineResult] = {}  # by entry, whatever it says now

    def clear(self) -> None:
        self.__init__()  # type: ignore[misc]

    def add(self, sign: Signature, result: LineResult, chained: bool) -> None:
        """Take in a result; `chained` where it was found in a check of all lines."""
        self._alone[sign.alone] = self._last[result.node.entry] = result
        if chained:
            self._chained[sign.chained] = result
            self._fresh.discard(sign.alone)
        else:
            self._fresh.add(sign.alone)

    def known(self, sign: Signature) -> bool:
        """Whether the line was checked as it stands, alone at least."""
        return sign.alone in self._alone

    def seen(self, entry: int) -> bool:
        """Whether the line ever had a verdict."""
        return entry in self._last

    def of(self, node: Node, sign: Signature | None) -> LineResult:
        """The verdict on the line as it stands: stale where only an older one is known."""
        if sign is None:
            return LineResult(node, Status.UNCHECKED)
        if sign.chained in self._chained:
            return self._chained[sign.chained]
        alone = self._alone.get(sign.alone)
        if alone is not None and (sign.alone in self._fresh or alone.status not in (Status.PASSED, Status.DRIFT)):
            return replace(alone, cumulative=float("nan"), cumulative_tolerance=float("nan"))
        old = alone or self._last.get(node.entry)
        return replace(old, status=Status.STALE) if old else LineResult(node, Status.UNCHECKED)
