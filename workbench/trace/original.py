"""The original under study: its operator graph, and its tensors, recorded as they are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from workbench.errors import Problems, WorkbenchError
from workbench.graph import Graph
from workbench.trace.modules import Modules
from workbench.trace.ops import Exported
from workbench.trace.record import Trace, record
from workbench.trace.tie import Tie, graph_ties, node_ties
from workbench.trace.view import apply_view


class Original:
    """A model and its example. Nothing runs until something is asked for, and nothing runs twice.

    `source` is the model's operator graph, or its modules alone where torch.export cannot follow the model; `notes`
    then says why. Recorded tensors lie in a temporary file.
    """

    def __init__(self, model: Any, example: Any) -> None:
        self.model, self.example = model, example
        self._source: Exported | Modules | None = None
        self._traces: list[Trace] = []
        self._notes: list[str] = []

    @property
    def source(self) -> Exported | Modules:
        if self._source is None:
            try:
                self._source = Exported(self.model, self.example)
            except WorkbenchError as problem:
                self._notes.append(str(problem))
                self._source = Modules(self.model, self.example)
        return self._source

    @property
    def exported(self) -> Exported | None:
        """The operator graph; None where there is none."""
        return self.source if isinstance(self.source, Exported) else None

    @property
    def trace(self) -> Trace:
        """The first run: every path with its shape; it told whether the model is deterministic."""
        if not self._traces:
            self._record(set())
        return self._traces[0]

    @property
    def notes(self) -> list[str]:
        """What the user should know of the runs so far."""
        return self._notes + [note for trace in self._traces for note in trace.notes]

    def tensors(self, graph: Graph, problems: Problems) -> OriginalTensors:
        """The original's tensors by the config's names, arranged as `view=` says; wrong ties go to `problems`."""
        ties = graph_ties(graph, problems)
        wrong = self._unknown(set(ties.values()), graph, problems)
        missing = {t for t in ties.values() if not any(t in trace for trace in self._traces)} - wrong
        if missing or not self._traces:
            self._record(missing)
        found: dict[str, _Stored] = {}
        for node in graph:
            for tensor in node.outputs:
                if tensor in ties and ties[tensor] not in wrong:
                    trace = next(t for t in self._traces if ties[tensor] in t)
                    stored = _Stored(trace, ties[tensor], node.view)
                    try:
                        stored.read()
                        found[tensor] = stored
                    except WorkbenchError as problem:
                        problems.errors.append(problem.at(node.where, str(node)))
        return OriginalTensors(found)

    def _record(self, wanted: set[Tie]) -> None:
        first = not self._traces
        exported = self.exported
        self._traces.append(record(self.model, self.example, wanted=wanted, exported=exported, twice=first))

    def _unknown(self, ties: set[Tie], graph: Graph, problems: Problems) -> set[Tie]:
        """The ties that the original does not have; each is told at its line."""
        known = self.exported.value if self.exported is not None else self.trace.spec
        wrong = set()
        for tie in ties:
            try:
                known(tie)
            except WorkbenchError as problem:
                wrong.add(tie)
                nodes = [n for n in graph if n.tie and tie in node_ties(n).values()]
                problems.errors += [problem.at(n.where, str(n)) for n in nodes]
        return wrong

    def uncovered(self, graph: Graph) -> list[str]:
        """Modules with operators that no line's span holds; none are known where there is no operator graph."""
        if self.exported is None:
            return []
        spans = [s for s in self.exported.spans(graph).values() if not isinstance(s, WorkbenchError)]
        covered = {op for s in spans for op in s.operators}
        constant = self.exported.constant  # such as a detector's grid: its values enter the spans that read them
        rest = (op for op in self.exported.operators if op not in covered and op.node not in constant)
        return list(dict.fromkeys(op.tie.path for op in rest))


class _Stored(NamedTuple):
    """Where the original's tensor lies, and how a config's line arranges it."""

    trace: Trace
    tie: Tie
    view: str

    def read(self) -> np.ndarray:
        return as_engine(apply_view(self.trace[self.tie], self.view))


class OriginalTensors(Mapping[str, np.ndarray]):
    """The original's tensors by the config's names, each read from the disk whenever it is asked for.

    A model of a thousand layers is checked with the memory of a few: nothing is kept here.
    """

    def __init__(self, stored: Mapping[str, _Stored]) -> None:
        self._stored = stored

    def __getitem__(self, tensor: str) -> np.ndarray:
        return self._stored[tensor].read()

    def __contains__(self, tensor: object) -> bool:
        return tensor in self._stored

    def __iter__(self) -> Iterator[str]:
        return iter(self._stored)

    def __len__(self) -> int:
        return len(self._stored)


def as_engine(array: np.ndarray) -> np.ndarray:
    """A float64 model's tensor as float32, which every engine takes; all others as they are."""
    return array.astype(np.float32) if array.dtype == np.float64 else array
