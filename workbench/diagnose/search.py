"""What makes a wrong line right: every cause's edits are tried, and the simplest that pass the verdict are claimed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import NamedTuple

import numpy as np

from workbench.compare.verdict import error, tolerance
from workbench.diagnose.beyond import others
from workbench.diagnose.result import BEFORE
from workbench.diagnose.scene import REFUSALS, Nodes, Scene
from workbench.diagnose.simplest import Simplicity, equally_good, simplicity
from workbench.diagnose.table import Edit, causes_of
from workbench.graph import Node

WORTH = 1e-3  # a reference error below which the full verdict, with the engine, is asked for
CLOSEST = 3  # attempts that are told where none passes


@dataclass(frozen=True)
class Attempt:
    """A corrected line (`nodes`, the line itself last), by which edit, and how far its reference is then off."""

    cause: str
    nodes: Nodes
    edit: Edit
    error: float
    simplicity: Simplicity

    @property
    def node(self) -> Node:
        return self.nodes[-1]

    @property
    def words(self) -> str:
        """The edit as a line would have it."""
        changes = [(key, text) for key, text in self.edit.items() if key != BEFORE]
        words = [f"{key}={text}" if text is not None else f"no {key}" for key, text in changes]
        line = self.edit.get(BEFORE)
        return " ".join([*words, *([f"and a line [{line.replace(' ', '] ', 1)} before it"] if line else [])])


class Other(NamedTuple):
    """What the original does that no key can say, and how far that is off."""

    cause: str
    text: str
    error: float


@dataclass
class Found:
    """What explains the line, by an edit or `beyond` any; else the closest attempts. `tried` were made in all."""

    before: float
    passed: list[Attempt] = field(default_factory=list)
    beyond: list[Other] = field(default_factory=list)
    closest: list[Attempt] = field(default_factory=list)
    tried: int = 0
    late: bool = False


def search(scene: Scene, late: Callable[[], bool] = lambda: False) -> Found:
    """Try the causes of the scene's lines, the judged one first, until `late()`."""
    found = Found(scene.reference_error((scene.node,)))
    attempts: list[Attempt] = []
    for attempt in _attempts(scene):
        found.late = late()
        if found.late:
            break
        attempts.append(attempt)
    found.tried = len(attempts)
    found.passed = _believed(scene, [a for a in attempts if a.error < min(WORTH, found.before)], late)
    if not found.passed:
        found.beyond = _beyond(scene, late)
    if not found.passed and not found.beyond:
        finite = [a for a in attempts if np.isfinite(a.error)]
        found.closest = sorted(finite, key=lambda a: a.error)[:CLOSEST]
    return found


def _attempts(scene: Scene) -> Iterator[Attempt]:
    seen = {_look((node,)) for node in scene.nodes}
    for node in reversed(scene.nodes):
        for cause in causes_of(node.tag):
            for edit in _proposals(cause.propose, scene, node):
                try:
                    changed = scene.edited(node, edit)
                    cost = simplicity(node, changed, scene.specs)
                except REFUSALS:
                    continue
                if _look(changed) not in seen:
                    seen.add(_look(changed))
                    yield Attempt(cause.id, changed, _changes(node, edit), scene.reference_error(changed), cost)


def _proposals(propose: Callable[[Scene, Node], Iterator[Edit]], scene: Scene, node: Node) -> Iterator[Edit]:
    """What a cause proposes; one that cannot look at this line (a shape it does not expect) proposes nothing."""
    try:
        yield from propose(scene, node)
    except (KeyError, StopIteration, *REFUSALS):
        return


def _look(nodes: Nodes) -> str:
    return repr([(n.index, n.layer, n.act, n.inputs, sorted(n.source.items())) for n in nodes])


def _changes(node: Node, edit: Edit) -> Edit:
    """The edit without keys that have the value already."""
    known = type(node.layer).keys()
    return {
        key: text
        for key, text in edit.items()
        if key not in known
        or (known[key].default if text is None else known[key].parse(text)) != getattr(node.layer, key)
    }


def _believed(scene: Scene, promising: list[Attempt], late: Callable[[], bool]) -> list[Attempt]:
    """The simplest of those that pass and fit equally well; one of each cause (see diagnose.simplest)."""
    by_error = sorted(promising, key=lambda a: a.error)
    best = next((a for a in by_error if not late() and scene.passes(a.nodes)), None)
    if best is None:
        return []
    rivals = sorted((a for a in promising if a.error <= equally_good(best.error)), key=lambda a: a.simplicity)
    for _, group in groupby(rivals, key=lambda a: a.simplicity):
        passed: dict[str, Attempt] = {}
        for attempt in sorted(group, key=lambda a: a.error):
            if attempt.cause not in passed and (attempt is best or (not late() and scene.passes(attempt.nodes))):
                passed[attempt.cause] = attempt
        if passed:
            return list(passed.values())
    return [best]


def _beyond(scene: Scene, late: Callable[[], bool]) -> list[Other]:
    """What no edit could mend; no two of the same cause."""
    want, found = scene.want[scene.node.outputs[0]], dict[str, Other]()
    for cause, text, values in () if late() else others(scene):
        wrong = error(np.asarray(values, want.dtype), want)
        if cause not in found and wrong <= tolerance(0.0, exact=scene.node.layer.exact):
            found[cause] = Other(cause, text, wrong)
    return list(found.values())


def deadline(seconds: float) -> Callable[[], bool]:
    """Whether so many seconds have passed since now."""
    end = time.perf_counter() + seconds
    return lambda: time.perf_counter() > end
