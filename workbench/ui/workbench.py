"""The workbench as one widget: how far the port is, which line, what it looks like, why, and what to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import traitlets
from ipywidgets import Widget, widget_serialization

from workbench.config.variables import parameters
from workbench.engines import ENGINES, engine_class
from workbench.errors import WorkbenchError
from workbench.progress import Progress
from workbench.session import Session
from workbench.ui.base import View
from workbench.ui.bench_view import BenchView
from workbench.ui.build_view import BuildView
from workbench.ui.custom_view import CustomView
from workbench.ui.diagnosis_view import DiagnosisView
from workbench.ui.fallback import session_html, session_png
from workbench.ui.ledger_view import LedgerView
from workbench.ui.lines_view import LinesView
from workbench.ui.session_masks import SessionMasks, class_names
from workbench.ui.tensor_view import TensorView
from workbench.ui.workspace import Workspace


class Workbench(View):
    """Workbench(session), or session.widget().

    tab      the view on the right: tensors, ledger, diagnosis, ...; rail: the lines folded to their verdicts
    engine   such as "openvino f32"; params: the config's $NAMEs, such as "BATCH_SIZE=1"
    lines, tensors, masks, ledger, diagnosis, builder, bench and custom are its parts, widgets of their own;
    `workspace` is what they share.
    """

    SCRIPT = "workbench.js"
    STYLES = ("workbench.css",)

    title = traitlets.Unicode().tag(sync=True)
    file = traitlets.Unicode().tag(sync=True)
    unsaved = traitlets.Int(0).tag(sync=True)
    named = traitlets.Bool(True).tag(sync=True)
    engine = traitlets.Unicode().tag(sync=True)
    engines: Any = traitlets.List().tag(sync=True)
    params = traitlets.Unicode().tag(sync=True)
    tab = traitlets.Unicode("tensors").tag(sync=True)
    rail = traitlets.Bool(False).tag(sync=True)
    left = traitlets.Int(0).tag(sync=True)  # pixels; 0: the lines' own share of the width
    dock = traitlets.Int(190).tag(sync=True)
    busy = traitlets.Dict().tag(sync=True)
    facts: Any = traitlets.List().tag(sync=True)
    conflict = traitlets.Unicode().tag(sync=True)  # why saving needs a decision
    draft = traitlets.Unicode().tag(sync=True)  # a draft that an earlier session left
    lines_ref = traitlets.Instance(Widget).tag(sync=True, **widget_serialization)
    diagnosis_ref = traitlets.Instance(Widget).tag(sync=True, **widget_serialization)
    views: Any = traitlets.List().tag(sync=True, **widget_serialization)  # [name, label, widget]

    def __init__(self, session: Session, **traits: Any) -> None:
        self.workspace = space = Workspace(session)
        self.lines, self.diagnosis, self.ledger = LinesView(space), DiagnosisView(space), LedgerView(space)
        self.tensors = TensorView(title="no line is chosen", engine_name=_engine(session))
        self.masks = SessionMasks(space)
        masks = [("masks", "Masks", self.masks)] if class_names(session) else []
        views = [("tensors", "Tensors", self.tensors), *masks, ("ledger", "Weights ledger", self.ledger)]
        views += [("diagnosis", "Diagnosis", self.diagnosis)]
        self.builder, self.bench, self.custom = BuildView(space), BenchView(space), CustomView(space)
        views += [
            ("build", "Build", self.builder),
            ("bench", "Benchmark", self.bench),
            ("custom", "Custom layers", self.custom),
        ]
        super().__init__(
            lock=space.lock, lines_ref=self.lines, diagnosis_ref=self.diagnosis, views=[list(v) for v in views],
            title=space.graph.model.get("name") or type(session.model).__name__, engine=_engine(session),
            engines=[_engine(session)], params=" ".join(f"{k}={v}" for k, v in session.params.items()), **traits
        )  # fmt: skip
        self._shown: tuple[Any, ...] = ()
        self._begin()
        self.lines.save = self.do_save
        left = space.draft.found()
        self.draft = str(space.draft.path) if left not in (None, space.document.text) else ""
        self._mirror()
        space.observe(lambda _: self._mirror(), ["version", "checked", "traced"])
        space.observe(lambda change: self.set_trait("busy", change.new._asdict() if change.new.title else {}), "busy")
        space.observe(lambda change: self.set_trait("error", change.new), "error")
        self.react(self._choose_engine, "engine")
        self.react(self._choose_params, "params")
        self.react(self._look, "tab")
        self.lines.react(self._look, "cursor")
        self.ledger.react(lambda: self.lines.set_trait("cursor", self.ledger.picked), "picked")
        space.worker.quick("engines", self._find_engines)
        space.start()

    def _begin(self) -> None:
        """Put the cursor on the first bad line, or else on the first that can have a verdict."""
        lines = [r for r in self.lines.rows if r.get("status")]
        bad = [r for r in lines if r["status"] in ("failed", "unsupported", "text")]
        self.lines.cursor = next((r["line"] for r in [*bad, *lines]), 1)

    # ---- what mirrors the workspace

    def _mirror(self) -> None:
        space = self.workspace
        with self.lock, self.hold_sync():
            self.file, self.named = _short(space.file), not space.file.startswith("<")
            self.unsaved = max(1, len(self.lines.changed)) if space.unsaved else 0
            self.facts = self._facts()
        self._look()

    def _facts(self) -> list[str]:
        session = self.workspace.session
        facts = []
        if session.last_report is not None and session.last_report.production:
            worst = max(session.last_report.production.values())
            same = "identical outputs" if worst == 0 else f"outputs apart by {worst:.0e}"
            facts.append(f"checked and production engine: {same}")
        if self.workspace.traced:
            notes = session.original.notes
            facts += [f"{len(notes)} notes on the original" if len(notes) > 1 else notes[0][:90]] if notes else []
        return facts

    def _find_engines(self, _: Progress) -> None:
        found = []
        for name in ENGINES:
            try:
                found += [f"{name} {precision}" for precision in engine_class(name).precisions]
            except WorkbenchError:
                continue  # its library is not installed
        with self.lock:
            self.engines = found

    def _choose_engine(self) -> None:
        engine, _, precision = self.engine.partition(" ")
        session = self.workspace.session
        if (engine, precision) != (session.engine, session.precision):
            self.workspace.set_engine(engine, precision)
            self.tensors.engine_name = self.engine

    def _choose_params(self) -> None:
        given = parameters(self.params)
        if given != self.workspace.session.params:
            self.workspace.set_params(given)

    # ---- the line looked at, in the views

    def _look(self) -> None:
        """Have the open view show the cursor's line, as soon as the worker can."""
        with self.lock:
            row = self.lines.row()
            if self.tab == "ledger":
                self.ledger.line = row["line"] if row else 0
                self.ledger.refresh()
            elif self.tab == "masks" and self.workspace.traced:
                self.masks.refresh()
            elif self.tab == "tensors" and self.workspace.traced:
                self.workspace.worker.quick("tensors", lambda _: self._show_tensors())

    def _show_tensors(self) -> None:
        with self.lock:
            row, space = self.lines.row(), self.workspace
            sign = space.signs.get(row["entry"]) if row else None
            key = (sign.alone if sign else None, self.engine, row.get("status") == "text" if row else None)
            if key == self._shown:
                return
            self._shown = key
        if row is None or sign is None or not row.get("tie"):
            self.tensors.title = "this line has no tensor of the original" if row else "no line is chosen"
            return
        caption, allowed = f"line {row['line']}", row.get("allowed")
        try:
            found = space.line_tensors(row["entry"])
        except WorkbenchError as problem:
            self.tensors.title, self.tensors.caption = row["tie"], f"{caption}: {problem.problem}"
            return
        if found is not None:
            _, want, got = found
            tolerance = float(allowed) if allowed not in (None, "inf") else 0.0
            self.tensors.set_tensors(want, got, title=row["tie"], caption=caption, tolerance=tolerance)

    # ---- what the browser asks for

    def do_check(self) -> None:
        self.error = ""
        self.workspace.check()

    def do_go(self) -> None:
        """Begin what the open view is for: measuring, checking a custom layer, else building."""
        begin = {"bench": self.bench.measure, "custom": self.custom.check}.get(self.tab, self.builder.build)
        self.tab = self.tab if self.tab in ("bench", "custom") else "build"
        begin()

    def do_cancel(self) -> None:
        self.workspace.worker.cancel()

    def do_save(self, path: str = "", force: bool = False) -> None:
        """Save; where that would overwrite what another program wrote, ask first."""
        self.conflict = ""
        try:
            self.workspace.save(path, force)
        except WorkbenchError as problem:
            if self.named and not path and "another program" not in problem.problem:
                raise
            self.conflict = str(problem)

    def do_dismiss(self) -> None:
        self.conflict = ""

    def do_undo(self) -> None:
        self.workspace.undo()

    def do_redo(self) -> None:
        self.workspace.redo()

    def do_restore(self) -> None:
        """Take the draft that an earlier session left."""
        self.workspace.restore()
        self.draft = ""

    def do_discard(self) -> None:
        self.workspace.draft.drop()
        self.draft = ""

    # ---- the static form

    def static_html(self) -> str:
        return session_html(self.workspace, self.title)

    def static_png(self) -> bytes:
        return session_png(self.workspace, self.title)

    def __repr__(self) -> str:
        counts = self.workspace.counts()
        said = ", ".join(f"{n} {name}" for name, n in counts.items() if n and name not in ("worst", "worstLine"))
        return f"Workbench({self.title}: {said})"


def _engine(session: Session) -> str:
    return f"{session.engine} {session.precision}"


def _short(file: str) -> str:
    """The path as it was given, or from the working folder where it is below it."""
    path = Path(file)
    return str(path.relative_to(Path.cwd())) if path.is_absolute() and path.is_relative_to(Path.cwd()) else file
