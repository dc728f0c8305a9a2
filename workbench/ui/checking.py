"""The checks that a workspace runs on its worker: all lines, those up to one, and after an edit those it changes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.compare.result import LineResult
from workbench.diagnose.result import Diagnosis
from workbench.graph import Node
from workbench.progress import Progress
from workbench.session import Session
from workbench.ui.unfinished import Unfinished
from workbench.ui.verdicts import Signature

if TYPE_CHECKING:
    from workbench.ui.workspace import Workspace


class Reached(Exception):
    """The line to which a check was to run has its verdict."""


class Checking:
    """Each method runs as a job of the workspace's worker."""

    def __init__(self, space: Workspace, unfinished: Unfinished) -> None:
        self._space, self._attempt = space, unfinished.attempt
        self._diagnosed: tuple[Any, ...] = ()

    def check(self, progress: Progress, upto: int | None) -> None:
        """Every sound line, in order; or those up to an entry."""
        space = self._space

        def follow(items: Iterable[Any], title: str, total: int) -> Iterator[Any]:
            for item in progress(items, title, total):
                if isinstance(item, LineResult):
                    self.take([item], signs)
                yield item
                if isinstance(item, LineResult) and item.node.entry == upto:
                    raise Reached

        with space.lock:
            signs, whole = space.signs, not space.problems
        try:
            report = self._attempt(lambda session: session.check(follow))
        except Reached:
            return
        if whole:
            space.session.last_report = report

    def diagnose(self, progress: Progress) -> None:
        """The cause of the first failure."""
        space = self._space
        found: Diagnosis = self._attempt(lambda session: session.diagnose(progress))
        with space.lock:
            self._diagnosed = self._place_of(found)
            space.diagnosis = found

    def outdated(self, found: Diagnosis) -> bool:
        """Whether the text that a diagnosis is about has changed since."""
        return self._place_of(found) != self._diagnosed

    def _place_of(self, found: Diagnosis) -> tuple[Any, ...]:
        """The wrong line and all that its verdict depends on; for a clean diagnosis, the whole text."""
        space = self._space
        if found.where is None:
            return (space.document.text,)
        entry = next((e.id for e in space.document.entries if e.line == found.where.line), -1)
        return entry, space.signs.get(entry)

    def recheck(self) -> None:
        """After an edit: the isolated verdict of each line that it changes, and no other."""
        space = self._space
        with space.lock:
            signs = space.signs
            wanted = [n for n in space.graph.body if n.entry in signs and not space.verdicts.known(signs[n.entry])]
        for node in wanted:
            if space.worker.overtaken("recheck"):
                return
            self._check_one(node, signs)

    def _check_one(self, node: Node, signs: dict[int, Signature]) -> None:
        def alone(session: Session) -> LineResult | None:
            graph = session.graph()
            same = next((n for n in graph.body if n.entry == node.entry), None)
            return None if same is None or not same.tie else session.check_line(same.index, graph)

        result = self._attempt(alone)
        if result is not None:
            self.take([result], signs, chained=False)

    def take(
        self, results: Iterable[LineResult], signs: dict[int, Signature] | None = None, chained: bool = True
    ) -> None:
        """Keep the verdicts on lines that say what `signs` stands for; `chained` those of a check of all lines."""
        space = self._space
        with space.lock:
            signs = signs or space.signs
            for result in results:
                sign = signs.get(result.node.entry)
                if sign is not None and not result.judged_by and result.node.tie:
                    space.verdicts.add(sign, result, chained)
            space.checked += 1

    def line_tensors(self, entry: int) -> tuple[Node, np.ndarray, np.ndarray] | None:
        """The line's node, the original's tensor and the engine's; None without a tie."""

        def tensors(session: Session) -> tuple[Node, np.ndarray, np.ndarray] | None:
            graph = session.graph()
            node = next((n for n in graph.body if n.entry == entry and n.tie), None)
            if node is None:
                return None
            want, got = session.line_tensors(node.index, graph)
            name = next(t for t in node.outputs if t in want)
            return node, want[name], got[name]

        return self._attempt(tensors)
