"""Which faults are planted where: every kind as often as any other, at random lines of random configs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from workbench import shapes
from workbench.config.parse import parse_config
from workbench.faultbench import config_faults, weight_faults  # noqa: F401 - they register their kinds
from workbench.faultbench.kinds import KINDS, Kind
from workbench.faultbench.subject import Subject
from workbench.graph import Graph, Node
from workbench.weights import plan_weights


@dataclass
class Task:
    """The faults to be planted in one subject, by kind; `lines` are where each kind fits, in random order."""

    subject: Subject
    kinds: list[Kind] = field(default_factory=list)
    lines: dict[str, list[int]] = field(default_factory=dict)  # kind → node indices


def allot(subjects: Sequence[Subject], count: int, seed: int) -> list[Task]:
    """`count` faults over kinds and subjects; nothing but the configs is read. The same seed gives the same plan."""
    rng = np.random.default_rng(seed)
    tasks = [Task(subject, lines=_lines(subject)) for subject in subjects]
    kinds = [kind for kind in KINDS.values() if any(kind.name in task.lines for task in tasks)]
    for i in range(count if kinds else 0):
        if i % len(kinds) == 0:
            order = rng.permutation(len(kinds))
        kind = kinds[order[i % len(kinds)]]
        able = [task for task in tasks if kind.name in task.lines]
        able[int(rng.integers(len(able)))].kinds.append(kind)
    for task in tasks:
        for kind_lines in task.lines.values():
            rng.shuffle(kind_lines)
    return [task for task in tasks if task.kinds]


def _lines(subject: Subject) -> dict[str, list[int]]:
    graph = parse_config(subject.document(), dict(subject.params)).graph
    shapes.infer(graph)
    found: dict[str, list[int]] = {}
    for node, specs in _with_weights(graph):
        for kind in KINDS.values():
            if kind.fits(graph, node, specs):
                found.setdefault(kind.name, []).append(node.index)
    return found


def _with_weights(graph: Graph) -> Iterator[tuple[Node, list]]:
    stored = plan_weights(graph).stored
    for node in graph.body:
        yield node, [spec for spec in stored if spec.node.index == node.index]
