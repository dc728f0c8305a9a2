"""Layers of one's own: the CUDA source, what checking it found, parity and time."""

from __future__ import annotations

import html
import re
from typing import Any

import traitlets

from workbench.custom import CudaLayer, Report, check
from workbench.custom.check import STEPS
from workbench.errors import WorkbenchError
from workbench.layers.base import LAYERS, MODES
from workbench.progress import Progress
from workbench.ui.panel import Panel
from workbench.ui.workspace import Workspace

MARKS = {True: "passed", False: "failed", None: "unchecked"}


class CustomView(Panel):
    """CustomView(Workspace(session)): the CudaLayers that are registered, wherever they were defined.

    layers      [name, what a config calls it]; chosen: a name
    source      the .cu text, label: what messages call it, marked: the line that an error is about
    steps       [name, ok, lines, error] of the report; config: a line that uses the layer; rows: for a dictionary
    time_limit  seconds after which a launch in the emulator counts as hung
    `report` is the Report itself, and the class's own.
    """

    SCRIPT = "custom.js"
    STYLES = ("panel.css", "custom.css")

    layers: Any = traitlets.List().tag(sync=True)
    chosen = traitlets.Unicode().tag(sync=True)
    source = traitlets.Unicode().tag(sync=True)
    label = traitlets.Unicode().tag(sync=True)
    marked = traitlets.Int(0).tag(sync=True)
    steps: Any = traitlets.List().tag(sync=True)
    config = traitlets.Unicode().tag(sync=True)
    dictionary: Any = traitlets.List().tag(sync=True)
    time_limit = traitlets.Float(10.0, min=0.1).tag(sync=True)

    def __init__(self, workspace: Workspace, **traits: Any) -> None:
        self.report: Report | None = None
        super().__init__(workspace, **traits)
        self.refresh()
        self.react(self._look, "chosen")

    def refresh(self) -> None:
        """Read anew which layers there are, and the chosen one's source and last report."""
        with self.lock:
            found = _registered()
            self.layers = [[name, called] for name, (_, called) in found.items()]
            if self.chosen not in found:
                self.chosen = next(iter(found), "")
            self._look()

    def do_refresh(self) -> None:
        self.refresh()

    def _class(self) -> type[CudaLayer] | None:
        return _registered().get(self.chosen, (None, ""))[0]

    def _look(self) -> None:
        cls = self._class()
        kernel = cls.kernel if cls else None
        with self.hold_sync():
            self.label = kernel.label if kernel else ""
            try:
                self.source = kernel.path.read_text("utf-8") if kernel else ""
            except OSError as problem:
                self.source = ""
                self.error = f"{kernel.path if kernel else ''}: cannot be read: {problem.strerror}"
            self.show(cls.report if cls else None)

    def show(self, report: Report | None) -> None:
        """Show a report of the chosen layer."""
        with self.lock, self.hold_sync():
            self.report = report
            steps = report.steps if report else []
            self.steps = [[s.name, s.ok, list(s.lines), str(s.error or "")] for s in steps]
            self.config, self.dictionary = (report.line, report.rows) if report else ("", [])
            told = " ".join(str(s.error) for s in steps if s.error)
            found = re.search(rf"{re.escape(self.label)}:(\d+)", told) if self.label else None
            self.marked = int(found[1]) if found else 0

    # ---- checking

    def check(self) -> None:
        """Check the chosen layer over its CASES; `state` tells when it is done."""
        self.start("checking a custom layer", STEPS, self._check)

    def do_check(self) -> None:
        self.check()

    def _check(self, progress: Progress) -> None:
        with self.lock:
            cls = self._class()
        if cls is None:
            raise WorkbenchError("there is no custom layer", note="%%cuda_layer in a cell, or workbench.custom.load")
        report = check(cls, time_limit=self.time_limit, progress=progress)
        with self.lock:
            cls.report = report
            self._look()
            seen = {step.name: (MARKS[step.ok], _seen(step.lines)) for step in report.steps}
            self.stages = [[n, *seen.get(n, ("unchecked", "not reached")), ms] for n, _, _, ms in self.stages]

    # ---- the static form

    def static_html(self) -> str:
        if self.report is None:
            return f"<p><b>Custom layers</b>: {html.escape(', '.join(n for n, _ in self.layers)) or 'none'}</p>"
        return self.report._repr_html_() + f"<pre>{html.escape(self.source)}</pre>"

    def __repr__(self) -> str:
        return f"CustomView({self.chosen or 'no custom layer'}, {len(self.steps)} steps)"


def _registered() -> dict[str, tuple[type[CudaLayer], str]]:
    """Custom layers by their class's name, with what a config calls each."""
    alone = {cls.__name__: (cls, f"[{tag}]") for tag, cls in LAYERS.items() if issubclass(cls, CudaLayer)}
    modes = {c.__name__: (c, f"[{tag}] mode={mode}") for (tag, mode), c in MODES.items() if issubclass(c, CudaLayer)}
    return alone | modes


def _seen(lines: tuple[str, ...]) -> str:
    return f"{len(lines)} comparisons" if len(lines) > 1 else "".join(lines)
