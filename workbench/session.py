"""Session: a PyTorch model, its config, and the proof that they agree. The one object that a porter works with."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench import shapes
from workbench.compare.check import Checker, LineResult, Status
from workbench.compare.regions import judged_by
from workbench.compare.report import Report
from workbench.compare.verdict import error
from workbench.config.document import Document
from workbench.config.parse import Parsed, parse_partial
from workbench.config.variables import Params, parameters
from workbench.engines.base import Arrays, Engine
from workbench.errors import Problems, WorkbenchError
from workbench.graph import Graph
from workbench.weights import WeightPlan, plan_weights, write_weights
from workbench.weights.ledger import Ledger, ledger_path

if TYPE_CHECKING:
    from workbench.engines.build import Network
    from workbench.trace.ops import Exported
    from workbench.trace.record import Trace
    from workbench.trace.tie import Tie

Progress = Callable[[Iterable[Any], str, int], Iterable[Any]]


def silent(items: Iterable[Any], title: str, total: int) -> Iterable[Any]:
    return items


class Session:
    """A model being ported.

    model      the PyTorch original (a torch.nn.Module; it is put into eval mode while it runs)
    example    its example input: a tensor or array, a tuple of arguments, or a dict of keyword arguments
    config     a path, a text or a Document; left out, the session begins with an empty one
    params     the config's $NAMEs, as a dict or an extend_param string
    feeds      the config's own inputs by name, where they are not the original's (u8 pictures before [preproc])
    cap_mb     how many MB of recorded tensors may stay in RAM; the rest lies in a temporary file
    """

    def __init__(
        self,
        model: Any,
        example: Any,
        config: Any = None,
        params: Params = None,
        *,
        feeds: Mapping[str, np.ndarray] | None = None,
        engine: str = "openvino",
        precision: str = "f32",
        threads: int | None = None,
        cap_mb: float = 256,
    ) -> None:
        self.model, self.example = model, example
        self.params = parameters(params)
        self.engine, self.precision, self.threads, self.cap_mb = engine, precision, threads, cap_mb
        self.document = _document(config)
        self._feeds = {name: np.asarray(feed) for name, feed in (feeds or {}).items()}
        self._exported: Exported | None = None
        self._export_error = ""
        self._traces: list[Trace] = []
        self._weights: tuple[bytes, dict[int, dict[str, np.ndarray]], Ledger, np.ndarray] | None = None
        self._weight_warnings: list[str] = []
        self.last_report: Report | None = None

    @classmethod
    def of_port(
        cls,
        name: str,
        part: str = "",
        *,
        checkpoint: str | Path | None = None,
        config: Any = None,
        params: Params = None,
        **options: Any,
    ) -> Session:
        """The session of one part of a port, with its own config and feeds; `params` go over the port's."""
        from workbench.ports import get_port

        chosen = get_port(name).part(part)
        feeds, given = chosen.feeds(), {**chosen.params, **parameters(params)}
        model = chosen.original(checkpoint) if checkpoint else chosen.original()
        return cls(model, chosen.to_original(feeds), config or chosen.config_path, given, feeds=feeds, **options)

    # ---- the original

    @property
    def exported(self) -> Exported | None:
        """The original's operator graph; None where torch.export cannot follow it (modules are then all there is)."""
        if self._exported is None and not self._export_error:
            from workbench.trace.ops import Exported

            try:
                self._exported = Exported(self.model, self.example)
            except WorkbenchError as problem:
                self._export_error = problem.problem
        return self._exported

    def originals(self, graph: Graph, problems: Problems | None = None) -> Arrays:
        """The original's tensors by the config's names, arranged as `view=` says; unknown ties go to `problems`."""
        from workbench.trace.tie import graph_ties
        from workbench.trace.view import apply_view

        problems = problems if problems is not None else Problems()
        ties = graph_ties(graph, problems)
        self._record(set(ties.values()), graph, problems)
        found: Arrays = {}
        for node in graph:
            for tensor in node.outputs:
                trace = next((t for t in self._traces if tensor in ties and ties[tensor] in t), None)
                if trace is not None:
                    try:
                        found[tensor] = apply_view(trace[ties[tensor]], node.view)
                    except WorkbenchError as problem:
                        problems.errors.append(problem.at(node.where, str(node)))
        return found

    def _record(self, ties: set[Tie], graph: Graph, problems: Problems) -> None:
        """Run the original once more where a tie is wanted that no run has recorded yet."""
        from workbench.trace.record import record

        missing = {t for t in ties if not any(t in trace for trace in self._traces)}
        if self._traces or self.exported is not None:
            missing -= self._unknown(missing, graph, problems)
        if missing or not self._traces:
            first = not self._traces
            self._traces.append(
                record(
                    self.model, self.example, wanted=missing, exported=self.exported, cap_mb=self.cap_mb, twice=first
                )
            )

    def _unknown(self, ties: set[Tie], graph: Graph, problems: Problems) -> set[Tie]:
        """The ties that the original does not have; each is told at its line."""
        from workbench.trace.tie import node_ties

        known = self.exported.value if self.exported is not None else self._traces[0].spec
        wrong = set()
        for tie in ties:
            try:
                known(tie)
            except WorkbenchError as problem:
                wrong.add(tie)
                nodes = [n for n in graph if n.tie and tie in node_ties(n).values()]
                problems.errors += [problem.at(n.where, str(n)) for n in nodes]
        return wrong

    def tree(self) -> str:
        """The original's modules, a line each, with the shapes of their outputs."""
        from workbench.draft.outline import tree

        return tree(self.model, self._first_trace())

    def _first_trace(self) -> Trace:
        self._record(set(), Graph(), Problems())
        return self._traces[0]

    def __repr__(self) -> str:
        from workbench.draft.outline import first_lines

        count = sum(p.numel() for p in self.model.parameters())
        head = (
            f"Session of {type(self.model).__name__}, {count:,} parameters, {len(self.document.entries)} config lines"
        )
        if self.document.entries:
            return head + (
                f"; last check: {self.last_report.summary()}" if self.last_report else "; check() has not run"
            )
        return f"{head}\n\n{self.tree()}\n\nThe first lines to type:\n{first_lines(self.model, self._first_trace())}"

    # ---- the config

    def parse(self) -> Parsed:
        """The config as it stands, with shapes; its problems are in `.errors`, not raised."""
        parsed = parse_partial(self.document, self.params)
        try:
            shapes.infer(parsed.graph)
        except WorkbenchError as problem:
            parsed.errors += getattr(problem, "errors", [problem])
        return parsed

    def graph(self) -> Graph:
        """The config's graph with shapes. Raises WorkbenchErrors with all that is wrong in the text."""
        parsed = self.parse()
        parsed.raise_errors()
        return parsed.graph

    def append(self, line: str) -> list[LineResult]:
        """Add a line (or several) at the end and check what it says at once."""
        return self._check_entries(self.document.append(line))

    def replace(self, entry: int, line: str) -> list[LineResult]:
        """Put a line in an entry's place and check it at once; results of lines that depend on it become stale."""
        return self._check_entries((*self.document.replace_entry(entry, line), entry))

    def undo(self) -> bool:
        """Take back the last edit."""
        return self.document.undo()

    def _check_entries(self, entries: Iterable[int]) -> list[LineResult]:
        parsed = self.parse()
        parsed.raise_errors()
        wanted = set(entries)
        return [self.check_line(n.index, parsed.graph) for n in parsed.graph.body if n.entry in wanted]

    # ---- weights

    def weights(self, graph: Graph | None = None) -> dict[int, dict[str, np.ndarray]]:
        """The weights that each line reads, taken from the model through the ties; raises all that does not fit."""
        return self._collect(graph or self.graph())[1]

    @property
    def ledger(self) -> Ledger:
        """A row for each tensor of the weights file: its line, letter, source, shape, offset, count and CRC."""
        return self._collect(self.graph())[2]

    def write_weights(self, path: str | Path) -> Ledger:
        """Write the .weights file and, beside it, its ledger; both atomically."""
        _, _, ledger, values = self._collect(self.graph())
        write_weights(path, values)
        ledger.save(ledger_path(path))
        return ledger

    def _collect(self, graph: Graph) -> tuple[bytes, dict[int, dict[str, np.ndarray]], Ledger, np.ndarray]:
        state = bytes(self.document)
        if self._weights is None or self._weights[0] != state:
            from workbench.weights.from_torch import weights_from_model

            plan = plan_weights(graph)
            found = weights_from_model(graph, plan, self._need_exported())
            self._weight_warnings = [str(w) for w in found.warnings]
            self._weights = (state, plan.split(found.values, finite=False), found.ledger, found.values)
        return self._weights

    def _need_exported(self) -> Exported:
        if self.exported is None:
            raise WorkbenchError(self._export_error, note="give the weights as a list: weights_from_list")
        return self.exported

    # ---- checks

    def check(self, progress: Progress = silent) -> Report:
        """Check every line, isolated and cumulative, on the session's engine; then the engine as it will be built.

        Raises WorkbenchErrors for a config that cannot be read, a tie that does not exist, or weights that do not fit.
        """
        start = time.perf_counter()
        parsed = self.parse()
        graph, problems = parsed.graph, Problems()
        problems.errors += parsed.errors
        originals = self.originals(graph, problems)
        problems.raise_errors()
        checker = self._checker(graph, originals)
        results = list(progress(checker.stream(), "checking", len(checker.regions)))
        warnings = [str(w) for w in parsed.warnings] + [note for trace in self._traces for note in trace.notes]
        warnings += self._weight_warnings
        production, notes = self._production(graph, checker)
        self.last_report = Report(
            graph.file,
            self.engine,
            self.precision,
            _all_lines(graph, checker, results),
            [*warnings, *notes],
            self._uncovered(graph),
            production,
            time.perf_counter() - start,
        )
        return self.last_report

    def check_line(self, index: int, graph: Graph | None = None) -> LineResult:
        """Check one line alone, fed with the original's own tensors; nothing else is run."""
        graph = graph or self.graph()
        problems = Problems()
        originals = self.originals(graph, problems)
        problems.raise_errors()
        checker = self._checker(graph, originals)
        region = next((r for r in checker.regions if r.node.index == index), None)
        node = graph.nodes[index]
        if region is None:
            return LineResult(node, Status.UNCHECKED, judged_by=judged_by(checker.regions).get(index))
        return checker.alone(region)

    def _checker(self, graph: Graph, originals: Arrays) -> Checker:
        weights = self.weights(graph)
        return Checker(graph, weights, originals, self._feeds_of(graph), self.engine, self.precision, self.threads)

    def _feeds_of(self, graph: Graph) -> Arrays:
        """The config's inputs: those given, else the example's tensors where name order and shapes agree."""
        if self._feeds:
            return dict(self._feeds)
        from workbench.trace.example import Example

        given = [t.detach().cpu().numpy() for t in Example.of(self.example).tensors()]
        fits = len(given) == len(graph.inputs) and all(
            graph.specs[name].dtype == "f32" and a.ndim == len(graph.specs[name].shape)
            for name, a in zip(graph.inputs, given, strict=True)
        )
        return dict(zip(graph.inputs, given, strict=True)) if fits else {}

    def _production(self, graph: Graph, checker: Checker) -> tuple[dict[str, float], list[str]]:
        """How far the engine checked line by line and the whole engine are apart, by output."""
        feeds = self._feeds_of(graph)
        if not feeds:
            return {}, ["the engine as a whole was not run: the example is not what the config is fed; give feeds="]
        with self.network().build(self.engine, self.precision, threads=self.threads) as engine:
            outputs = engine.run(feeds, check=False)
        return {n: error(outputs[n], checked) for n, checked in checker.outputs.items() if n in outputs}, []

    def _uncovered(self, graph: Graph) -> list[str]:
        """Modules of the original with operators that no line's span holds; what no input reaches is a constant."""
        if self.exported is None:
            return []
        from workbench.trace.span import graph_spans

        spans = [s for s in graph_spans(self.exported, graph).values() if not isinstance(s, WorkbenchError)]
        covered = {op for s in spans for op in s.operators}
        needed = [op for op in self.exported.operators if op.node not in self.exported.constant]
        return list(dict.fromkeys(op.tie.path for op in needed if op not in covered))

    # ---- the engine

    def network(self) -> Network:
        """The config and its weights, ready to be built for any engine."""
        from workbench.engines.build import Network

        parsed = self.parse()
        parsed.raise_errors()
        return Network(parsed, self._collect(parsed.graph)[3], self.params)

    def build(self, engine_file: str | Path | None = None, **options: Any) -> Engine:
        """Build the production engine (or open `engine_file` where it is still right)."""
        from workbench.engines.build import build_network

        options = {"engine": self.engine, "precision": self.precision, "threads": self.threads} | options
        return build_network(self.network(), engine_file=engine_file, **options)


def _document(config: Any) -> Document:
    from workbench.config.parse import open_document

    return Document("", "<config>") if config is None else open_document(config)


def _all_lines(graph: Graph, checker: Checker, results: list[LineResult]) -> list[LineResult]:
    """A result for every line: those without a tie of their own name the line that judges them."""
    by_node, judges = {r.node.index: r for r in results}, judged_by(checker.regions)
    return [by_node.get(n.index) or LineResult(n, Status.UNCHECKED, judged_by=judges.get(n.index)) for n in graph.body]


__all__ = ["Report", "Session", "WeightPlan"]
