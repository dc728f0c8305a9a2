"""Measuring an engine beside PyTorch: what is asked for, how far it is, the sheet and its plot, exports."""

from __future__ import annotations

import html
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

import traitlets

from workbench.atomic import write_atomically
from workbench.bench.contestants import OURS
from workbench.bench.machine import cores
from workbench.bench.plot import png
from workbench.bench.sheet import Sheet
from workbench.engines import engine_class
from workbench.errors import WorkbenchError
from workbench.progress import Progress
from workbench.ui.panel import Panel
from workbench.ui.workspace import Workspace

WRITERS = {
    ".md": lambda sheet: sheet.markdown().encode(),
    ".csv": lambda sheet: sheet.csv().encode(),
    ".json": lambda sheet: sheet.json().encode(),
    ".png": png,
}


class BenchView(Panel):
    """BenchView(Workspace(session)): frames per second and memory of the openvino engine and of PyTorch.

    batches     how many times the example; precisions, rounds, threads and compiled (torch.compile too) as of
                `Session.bench`
    rows        of the sheet, as the view draws them; below: what stands under it; title and head are the sheet's
    name        of the files that an export writes, without the ending; wrote: what it wrote
    `sheet` is the Sheet itself.
    """

    SCRIPT = "bench.js"
    STYLES = ("panel.css", "bench.css")

    batches: Any = traitlets.List(traitlets.Int(min=1), [1, 2, 4]).tag(sync=True)
    precisions: Any = traitlets.List(traitlets.Unicode(), ["f32"]).tag(sync=True)
    offered: Any = traitlets.List().tag(sync=True)  # the precisions that can be measured
    rounds = traitlets.Int(15, min=1).tag(sync=True)
    threads = traitlets.Int(cores(), min=1).tag(sync=True)
    cores = traitlets.Int(cores()).tag(sync=True)
    compiled = traitlets.Bool(False).tag(sync=True)
    ours = traitlets.Unicode(OURS).tag(sync=True)
    title = traitlets.Unicode().tag(sync=True)
    head: Any = traitlets.List(list(Sheet.HEAD)).tag(sync=True)
    rows: Any = traitlets.List().tag(sync=True)
    below: Any = traitlets.List().tag(sync=True)
    name = traitlets.Unicode().tag(sync=True)
    wrote = traitlets.Unicode().tag(sync=True)

    def __init__(self, workspace: Workspace, **traits: Any) -> None:
        self.sheet: Sheet | None = None
        self._written: set[Path] = set()
        named: dict[str, Any] = {
            "name": f"{_stem(workspace.file)}-bench",
            "offered": [*engine_class("openvino").precisions],
        }
        if workspace.session.threads:
            named["threads"] = workspace.session.threads
        super().__init__(workspace, **{**named, **traits})

    def measure(self) -> None:
        """Measure what is chosen; `state` tells when it is done."""
        self.start("measuring", [], self._measure)

    def do_measure(self) -> None:
        self.measure()

    def _measure(self, progress: Progress) -> None:
        with self.lock:
            session = self.workspace.session
            options = {"batches": sorted(set(self.batches)), "precisions": self.precisions, "rounds": self.rounds}
            options |= {"threads": self.threads, "compiled": self.compiled}
            if not self.batches or not self.precisions:
                raise WorkbenchError("nothing to measure", note="choose at least one batch and one precision")
        self.workspace.parsed.raise_errors()
        session.bench(**options, progress=progress, told=self.show)

    def show(self, sheet: Sheet) -> None:
        """Show a sheet: one just measured, or `Sheet.of` a file's text."""
        with self.lock, self.hold_sync():
            self.sheet, self.title, self.below, self.wrote = sheet, sheet.title, sheet.below(), ""
            self.rows = [_row(row) | {"cells": cells} for row, cells in zip(sheet.rows, sheet.cells(), strict=True)]

    def export(self, ending: str) -> Path:
        """Write the sheet as .md, .csv, .json or .png; never over a file that this view did not write."""
        if self.sheet is None:
            raise WorkbenchError("there is no sheet yet", note="measure first")
        path = Path(self.name.strip() + ending)
        if not self.name.strip():
            raise WorkbenchError("expected a file name", note="such as bench/model")
        if path.exists() and path.resolve() not in self._written:
            raise WorkbenchError("not written: a file of this name is there", str(path), "choose another name")
        content = WRITERS[ending](self.sheet)
        write_atomically(path, lambda file: file.write(content))
        self._written.add(path.resolve())
        self.wrote = str(path)
        return path

    def do_export(self, ending: str) -> None:
        if ending not in WRITERS:
            raise WorkbenchError(f"no sheet is written as {ending}", note=f"one of {', '.join(WRITERS)}")
        self.error = self.wrote = ""
        self.export(ending)

    # ---- the static form

    def static_html(self) -> str:
        if self.sheet is None:
            return f"<p><b>Benchmark</b> of {html.escape(self.workspace.file)}: nothing is measured yet.</p>"
        return self.sheet._repr_html_()

    def static_png(self) -> bytes:
        return png(self.sheet) if self.sheet else b""

    def __repr__(self) -> str:
        return f"BenchView({self.workspace.file}, {len(self.rows)} rows)"


def _row(row: Any) -> dict[str, Any]:
    """A row with what cannot stand in JSON as None."""
    figures = {k: v for k, v in asdict(row).items() if k != "errors"} | {"fps": row.fps, "error": row.error}
    return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in figures.items()}


def _stem(file: str) -> str:
    return "model" if file.startswith("<") else Path(file).stem
