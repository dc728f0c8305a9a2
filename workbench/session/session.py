"""Session: a PyTorch model, its config, and the proof that they agree. The one object that a porter works with."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench import shapes
from workbench.compare.check import Checker
from workbench.compare.report import Report
from workbench.compare.result import LineResult
from workbench.compare.segments import CAP_MB
from workbench.config.document import Document
from workbench.config.parse import Parsed, parse_partial
from workbench.config.variables import Params, parameters
from workbench.engines.base import Arrays, Engine
from workbench.errors import Problems, WorkbenchError
from workbench.graph import Graph
from workbench.progress import Progress, silent, stage
from workbench.session import checks
from workbench.weights import plan_weights, read_weights, write_weights
from workbench.weights.ledger import Ledger, ledger_path

if TYPE_CHECKING:
    from workbench.bench.sheet import Sheet
    from workbench.diagnose.result import Diagnosis, Finding
    from workbench.engines.build import Network
    from workbench.ports.common.pictures import Picture
    from workbench.trace.match import Match
    from workbench.trace.original import Original
    from workbench.ui.mask_view import MaskView
    from workbench.ui.workbench import Workbench
    from workbench.weights.from_torch import TorchWeights


class Session:
    """A model being ported.

    model      the PyTorch original (a torch.nn.Module; it is put into eval mode while it runs)
    example    its example input: a tensor or array, a tuple of arguments, or a dict of keyword arguments
    config     a path, a text or a Document; left out, the session begins with an empty one
    params     the config's $NAMEs, as a dict or an extend_param string
    feeds      the config's own inputs by name, where they are not the original's (u8 pictures before [preproc])
    cap_mb     the memory that checking may take beside the model and its own run, or what one line alone needs;
               recorded tensors lie in a temporary file
    weights    a .weights file to be checked with the config, instead of the model's own weights
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
        cap_mb: float = CAP_MB,
        weights: str | Path | None = None,
    ) -> None:
        self.model, self.example = model, example
        self.params = parameters(params)
        self.engine, self.precision, self.threads = engine, precision, threads
        self.document = _document(config)
        self._feeds = {name: np.asarray(feed) for name, feed in (feeds or {}).items()}
        self.cap_mb = cap_mb
        self.weights_file = None if weights is None else Path(weights)
        self._weights: tuple[bytes, TorchWeights] | None = None
        self._matches: dict[int, Match] = {}
        self.last_report: Report | None = None
        self.made_by: tuple[str, str] | None = None  # the port and its part, by which another process makes the model

    @cached_property
    def original(self) -> Original:
        """The model's operator graph and recorded tensors."""
        from workbench.trace.original import Original

        return Original(self.model, self.example)

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
        feeds, given = chosen.feeds(params), {**chosen.params, **parameters(params)}
        model = chosen.original(checkpoint) if checkpoint else chosen.original()
        made = cls(model, chosen.to_original(feeds), config or chosen.config_path, given, feeds=feeds, **options)
        made.made_by = name, part
        return made

    def tree(self) -> str:
        """The original's modules, a line each, with the shapes of their outputs."""
        from workbench.draft.outline import tree

        return tree(self.model, self.original.trace)

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
        return f"{head}\n\n{self.tree()}\n\nThe first lines to type:\n{first_lines(self.model, self.original.trace)}"

    # ---- the config

    def parse(self, original: bool = True) -> Parsed:
        """The config as it stands, with shapes and ties; its problems are in `.errors`, not raised.

        `original=False` does without the original, which would be traced for lines that have no tie.
        """
        parsed = parse_partial(self.document, self.params)
        try:
            shapes.infer(parsed.graph)
            if original and not parsed.errors:
                self._complete_ties(parsed)
        except WorkbenchError as problem:
            parsed.errors += getattr(problem, "errors", [problem])
        return parsed

    def _complete_ties(self, parsed: Parsed) -> None:
        """Tie lines without name= by the file of ties or by matching; the warnings tell which."""
        from workbench.trace.complete import complete_ties

        parsed.graph, self._matches, notes = complete_ties(parsed.graph, self.original)
        parsed.warnings += [WorkbenchError(note, parsed.graph.file) for note in notes]

    def write_ties(self, path: str | Path | None = None) -> Path:
        """Write the ties that matching found, where the config has none of its own, to `<config>.ties.json`.

        They are read with the config from then on, and may be corrected by hand.
        """
        from workbench.trace.ties_file import ties_path, write_ties

        graph = self.graph()
        if not self._matches:
            raise WorkbenchError("no line was matched", graph.file, "lines are matched where most have no name=")
        return write_ties(path or ties_path(graph.file), graph, self._matches)

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
        """The verdicts on these entries; only what is wrong with them is raised, others may still be unfinished."""
        parsed, wanted = self.parse(), set(entries)
        lines = {self.document.entry(id).line for id in wanted}
        problems = Problems()
        problems.errors += [e for e in parsed.errors if getattr(e.where, "line", 0) in lines]
        problems.raise_errors()
        return [self.check_line(n.index, parsed.graph) for n in parsed.graph.body if n.entry in wanted]

    # ---- weights

    def weights(self, graph: Graph | None = None) -> TorchWeights:
        """The floats that the config reads, of the weights file or else of the model through the ties; their ledger.

        Raises WorkbenchErrors for every line whose weights cannot be found or do not fit.
        """
        from workbench.weights.from_torch import TorchWeights, weights_from_model

        state = bytes(self.document)
        if self._weights is None or self._weights[0] != state:
            graph = graph or self.graph()
            plan = plan_weights(graph)
            if self.weights_file is None:
                self._weights = (state, weights_from_model(graph, plan, self.original.source))
            else:
                values = read_weights(self.weights_file)
                plan.split(values, str(self.weights_file))
                self._weights = (state, TorchWeights(values, Ledger.of(plan, values), []))
        return self._weights[1]

    def write_weights(self, path: str | Path) -> Ledger:
        """Write the .weights file and, beside it, its ledger; both atomically."""
        found = self.weights()
        write_weights(path, found.values)
        found.ledger.save(ledger_path(path))
        return found.ledger

    # ---- checks

    def check(self, progress: Progress = silent) -> Report:
        """Check every line, isolated and cumulative, on the session's engine; then the engine as it will be built.

        Raises WorkbenchErrors for a config that cannot be read, a tie that does not exist, or weights that do not fit.
        """
        self.last_report = checks.check_all(self, progress)
        return self.last_report

    def check_line(self, index: int, graph: Graph | None = None) -> LineResult:
        """Check one line alone, fed with the original's own tensors; nothing else is run."""
        return checks.check_line(self, index, graph or self.graph())

    def line_tensors(self, index: int, graph: Graph | None = None) -> tuple[Arrays, Arrays]:
        """The original's tensors of a tied line and the engine's, fed with the original's own; by the config's names.

        Raises WorkbenchError for a line without a tie, and where the engine cannot run it.
        """
        return checks.line_tensors(self, index, graph or self.graph())

    def widget(self) -> Workbench:
        """The workbench in a notebook: every line with its verdict, an editor, tensors, masks and the diagnosis."""
        # The one call upwards: what is shown is built on the session, which must not need it to be imported.
        return importlib.import_module("workbench.ui.workbench").Workbench(self)

    def mask_view(self, picture: Picture | None = None, **traits: Any) -> MaskView:
        """What the session's port finds in a picture, by default its sample: the original's masks and boxes, the
        engine's, and where they disagree. `traits` are those of workbench.ui.mask_view.MaskView.

        Raises WorkbenchError for a session of no port.
        """
        return importlib.import_module("workbench.ui.session_masks").mask_view_of(self, picture, **traits)

    def feeds(self, graph: Graph | None = None) -> Arrays:
        """The config's inputs: those given, else the example's tensors where number and axes agree; else none."""
        if self._feeds:
            return dict(self._feeds)
        graph, given = graph or self.graph(), self.example_arrays()
        fits = len(given) == len(graph.inputs) and all(
            graph.specs[name].dtype == "f32" and a.ndim == len(graph.specs[name].shape)
            for name, a in zip(graph.inputs, given, strict=True)
        )
        return dict(zip(graph.inputs, given, strict=True)) if fits else {}

    def example_arrays(self) -> tuple[np.ndarray, ...]:
        """What the original is fed, float64 as float32."""
        from workbench.trace.example import Example
        from workbench.trace.original import as_engine

        return tuple(as_engine(t.detach().cpu().numpy()) for t in Example.of(self.example).tensors())

    def production(self, graph: Graph, checker: Checker) -> tuple[dict[str, float], list[str]]:
        """How far the engine checked line by line and the whole engine are apart, by output."""
        return checks.production(self, graph, checker)

    # ---- diagnosis

    def diagnose(
        self, progress: Progress = silent, seconds: float = 60.0, picture: np.ndarray | None = None
    ) -> Diagnosis:
        """The first wrong line, and the edits of it that were tried and make it right; in so many seconds at most.

        `picture`, u8 [h, w, c], is what the inputs were made from: it lets a wrong way of resizing be found too.
        """
        from workbench.diagnose.run import diagnose

        return diagnose(self, progress, seconds, picture)

    def apply(self, finding: Finding) -> None:
        """Make a finding's edit of the config, as one step that `undo` takes back.

        Raises WorkbenchError where it has none, or its line is gone.
        """
        from workbench.diagnose.result import edited_text

        if not finding.edits:
            raise WorkbenchError(f"{finding.cause}: nothing to change in the config", note=finding.weights_fix)
        self.document.replace_text(edited_text(self.document, finding.edits))

    def reproduce(self, folder: str | Path, line: int | None = None) -> Path:
        """Write a folder with one line of the config, its weights, inputs and expected output, and a program to run it.

        `line` is its number in the file, the first wrong one where it is left out. Raises WorkbenchError where no line
        is wrong, or the line has no tie to say what it must give.
        """
        if line is None:
            bad = self.check().first_bad
            if bad is None:
                raise WorkbenchError("every line passes", self.document.file, "name the line to be written")
            line = bad.node.where.line
        return checks.reproduce(self, folder, line)

    # ---- the engine

    def network(self, batch: int = 0) -> Network:
        """The config and its weights, ready to be built for any engine.

        batch: that size by the config's $BATCH_SIZE, where this is another and does not leave it open (-1). Raises
        WorkbenchError where there is none.
        """
        from workbench.engines.build import Network, load_network

        fixed = self.params.get("BATCH_SIZE", "")
        if batch and not fixed:
            raise WorkbenchError(
                "the config's batch cannot be changed: it has no $BATCH_SIZE",
                self.document.file,
                "write shape=$BATCH_SIZE,... and give --set BATCH_SIZE=1",
            )
        if batch and fixed != "-1":
            return load_network(self.document, self.params | {"BATCH_SIZE": str(batch)}, self.weights().values)
        parsed = self.parse()
        parsed.raise_errors()
        return Network(parsed, self.weights(parsed.graph).values, self.params)

    def build(
        self, engine_file: str | Path | None = None, *, batch: int = 0, progress: Progress = silent, **options: Any
    ) -> Engine:
        """Build the production engine (or open `engine_file` where it is still right); `batch` as of `network`.

        options: engine, precision and threads, by default the session's. `progress` is told of the stages.
        """
        from workbench.engines.build import build_network

        options = {"engine": self.engine, "precision": self.precision, "threads": self.threads} | options
        with stage(progress, "config"):
            self.graph()
        with stage(progress, "weights"):
            network = self.network(batch)
        return build_network(network, engine_file=engine_file, progress=progress, **options)

    def bench(self, **options: Any) -> Sheet:
        """The benchmark sheet: fps, memory and error beside PyTorch's, each engine's memory in a process of its own.

        options: batches, precisions, rounds, threads, ... of `workbench.bench.run.measure`.
        """
        # A call upwards, as of `widget`: what is measured is a session.
        return importlib.import_module("workbench.bench.run").measure(self, **options)


def _document(config: Any) -> Document:
    from workbench.config.parse import open_document

    return Document("", "<config>") if config is None else open_document(config)
