"""What a kind of fault is: where it can be planted and how. `KINDS` holds them all, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from workbench.graph import Graph, Node
from workbench.session import Session
from workbench.weights.ledger import crc
from workbench.weights.spec import WeightPlan, WeightSpec

CONFIG, WEIGHTS, UNLISTED = "config", "weights", "unlisted"


@dataclass(frozen=True)
class Site:
    """A line of a right config, and the right weights."""

    session: Session
    graph: Graph
    plan: WeightPlan
    values: np.ndarray
    node: Node


class Plant(NamedTuple):
    """A fault: new keys of the line, or other floats in the weights file. `node` is where it shows first."""

    node: Node
    what: str
    edits: Mapping[str, str] = {}
    entry: int = -1  # the line that is edited
    values: np.ndarray | None = None

    @property
    def key(self) -> tuple[object, ...]:
        """Equal for faults that are the same."""
        return self.entry, tuple(self.edits.items()), None if self.values is None else crc(self.values)


@dataclass(frozen=True)
class Kind:
    """`fits(graph, node, its weights)` says without running anything whether a line can have the fault.

    `plant(site, rng)` makes it; None where the line turns out not to be able to have it. Those of the group UNLISTED
    have no name that anyone could give.
    """

    name: str
    group: str
    fits: Callable[[Graph, Node, list[WeightSpec]], bool]
    plant: Callable[[Site, np.random.Generator], Plant | None]


KINDS: dict[str, Kind] = {}


def register(kind: Kind) -> None:
    assert kind.name not in KINDS, kind.name
    KINDS[kind.name] = kind
