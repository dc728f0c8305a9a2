"""Building an engine: what is asked for, its stages, and what came of it: memory, fusions, file, kernels tried."""

from __future__ import annotations

import html
import math
from pathlib import Path
from typing import Any

import traitlets

from workbench.bench.machine import cores
from workbench.bench.run import errors_of
from workbench.engines import engine_class
from workbench.engines.base import Engine
from workbench.engines.build import STAGES
from workbench.errors import WorkbenchError
from workbench.progress import Progress, stage
from workbench.session import Session
from workbench.ui.memory import fusions_of, memory_of
from workbench.ui.memory_png import memory_png
from workbench.ui.panel import Panel
from workbench.ui.workspace import Workspace

ENGINES = ("openvino", "cuda", "emulator")
MB = 2**20


class BuildView(Panel):
    """BuildView(Workspace(session)).

    engine, precision, threads (0: the library's choice), file (empty: as the config says) and compare are what `build`
    builds; batch too, where the config's $BATCH_SIZE sets it.
    engines      [name, its precisions, why it cannot be used here]
    batch_note   why the batch cannot be chosen, or that it is open
    facts        [name, value] of what was built; memory, fusions and tactics as the view draws them
    """

    SCRIPT = "build.js"
    STYLES = ("panel.css", "build.css")
    HOLDS = {
        "compile": "ends after this stage: the compiler cannot be interrupted",
        "compare": "ends after this run",
        "write": "ends when the file is whole",
    }

    engine = traitlets.Enum(ENGINES, "openvino").tag(sync=True)
    precision = traitlets.Unicode("f32").tag(sync=True)
    batch = traitlets.Int(1, min=1).tag(sync=True)
    threads = traitlets.Int(0, min=0).tag(sync=True)
    cores = traitlets.Int(cores()).tag(sync=True)
    file = traitlets.Unicode().tag(sync=True)
    compare = traitlets.Bool(True).tag(sync=True)
    engines: Any = traitlets.List().tag(sync=True)
    batch_note = traitlets.Unicode().tag(sync=True)
    batch_fixed = traitlets.Bool(False).tag(sync=True)
    usual_file = traitlets.Unicode().tag(sync=True)
    note = traitlets.Unicode().tag(sync=True)
    facts: Any = traitlets.List().tag(sync=True)
    errors: Any = traitlets.List().tag(sync=True)
    memory = traitlets.Dict().tag(sync=True)
    fusions: Any = traitlets.List().tag(sync=True)
    tactics: Any = traitlets.List().tag(sync=True)
    told_by = traitlets.Unicode().tag(sync=True)  # the engine and precision that the results are of

    def __init__(self, workspace: Workspace, **traits: Any) -> None:
        session = workspace.session
        chosen = {"engine": session.engine} if session.engine in ENGINES else {}
        given = {"precision": session.precision, "threads": session.threads or 0, **chosen, **traits}
        super().__init__(workspace, **given)
        self.engines = [[name, list(_precisions(name)), ""] for name in ENGINES]
        self._follow_text()
        workspace.observe(lambda _: self._follow_text(), "version")
        self.react(self._fit_precision, "engine")

    def _follow_text(self) -> None:
        with self.lock:
            fixed = self.workspace.session.params.get("BATCH_SIZE", "")
            self.batch_fixed = not fixed
            self.batch_note = {"": "the config has no $BATCH_SIZE", "-1": "open: planned for this many"}.get(fixed, "")
            self.usual_file = self.workspace.graph.model.get("engine_file", "")
            if fixed.isdigit() and self.state == "idle":
                self.batch = int(fixed)

    def _fit_precision(self) -> None:
        if self.precision not in _precisions(self.engine):
            self.precision = "f32"

    def do_look(self) -> None:
        """Ask which engines can be used here, when the panel is first seen: an engine's library may take a while."""
        self.workspace.worker.quick("devices", self._find_devices)

    def _find_devices(self, _: Progress) -> None:
        rows = [[name, list(_precisions(name)), _why_not(name)] for name in ENGINES]
        with self.lock:
            self.engines = rows

    # ---- building

    def build(self) -> None:
        """Build what is chosen; `state` tells when it is done."""
        with self.lock:
            names = ["config", "weights", *STAGES] + ["compare"] * self.compare
            if self.engine == "openvino":
                names.remove("kernels")
        self.start("building", names, self._build)

    def do_build(self) -> None:
        self.build()

    def _build(self, progress: Progress) -> None:
        with self.lock:
            session, batch = self.workspace.session, 0 if self.batch_fixed else self.batch
            options = {"engine": self.engine, "precision": self.precision, "threads": self.threads or None}
            file, compare, name = self.file.strip(), self.compare, f"{self.engine} {self.precision}"
        self.workspace.parsed.raise_errors()
        with session.build(file or None, batch=batch, progress=progress, **options) as engine:
            self._show(session, engine, max(batch, 1), file or self.usual_file, name)
            if compare:
                with stage(progress, "compare"):
                    self._compare(session, engine, batch)

    def _show(self, session: Session, engine: Engine, batch: int, file: str, name: str) -> None:
        graph, floats = session.graph(), session.weights().values
        memory, fusions = memory_of(engine, graph, batch), fusions_of(engine, graph, batch)
        self.saw("config", f"{len(graph.body)} lines")
        self.saw("weights", f"{floats.size:,} floats")
        kept = Path(file).stat().st_size if file and Path(file).exists() else 0
        facts = [
            ["inputs", _sides(engine.inputs)],
            ["outputs", _sides(engine.outputs)],
            ["weights", _mb(floats.nbytes)],
        ]
        facts.append(["engine file", f"{file}, {_mb(kept)}" if kept else "none kept"])
        if memory is not None:
            facts.append([f"{memory.unit}s", str(len(memory.steps))])
        with self.lock, self.hold_sync():
            self.told_by, self.note, self.facts, self.errors = name, _capital(engine.note), facts, []
            self.memory = {} if memory is None else _drawn(memory, batch)
            self.fusions = [list(f) for f in fusions]
            self.tactics = [
                [line.rsplit("/", 1)[-1], kernel, _finite(ms), _finite(error), verdict]
                for line, kernel, ms, error, verdict in getattr(engine, "trials", [])
            ]

    def _compare(self, session: Session, engine: Engine, batch: int) -> None:
        """The outputs against the original's, where the batch holds the example a whole number of times."""
        feeds = session.feeds()
        size = len(next(iter(feeds.values()))) if feeds else 0
        times = 1 if not batch or self.batch_note else batch / size if size else 0
        if not feeds or times != int(times) or times < 1:
            self.saw("compare", f"not compared: a batch of {batch} does not hold the example's {size}")
            return
        feeds = {name: x.repeat(int(times), 0) for name, x in feeds.items()}
        errors = errors_of(session, engine, feeds, int(times))
        self.saw(
            "compare",
            f"{len(errors)} output{'s' * (len(errors) > 1)}" if errors else "no output is tied to the original",
        )
        with self.lock:
            self.errors = [[name, value] for name, value in errors.items()]

    # ---- the static form

    def static_html(self) -> str:
        said = html.escape(f"{self.told_by}: {self.note}" if self.told_by else "nothing is built yet")
        pairs = [*self.facts, *([f"error of {name}", f"{value:.1e}"] for name, value in self.errors)]
        rows = "".join(f"<tr><th>{html.escape(k)}</th><td>{html.escape(v)}</td></tr>" for k, v in pairs)
        return f"<p><b>Build</b>: {said}. <i>Static: run the cell for the live one.</i></p><table>{rows}</table>"

    def static_png(self) -> bytes:
        return memory_png(self.memory, self.told_by) if self.memory else b""

    def __repr__(self) -> str:
        return f"BuildView({self.workspace.file}, {self.told_by or 'nothing built'})"


def _precisions(name: str) -> tuple[str, ...]:
    try:
        return engine_class(name).precisions
    except WorkbenchError:
        return ("f32",)


def _why_not(name: str) -> str:
    try:
        engine_class(name).machine()
    except WorkbenchError as problem:
        return problem.problem
    return ""


def _sides(specs: Any) -> str:
    return ", ".join(f"{name} {spec}" for name, spec in specs.items())


def _mb(nbytes: int) -> str:
    return f"{nbytes / MB:,.1f} MB" if nbytes >= MB / 10 else f"{nbytes:,} bytes"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _drawn(memory: Any, batch: int) -> dict[str, Any]:
    alive = memory.alive()
    peak = max(range(len(alive)), key=alive.__getitem__, default=0)
    return memory._asdict() | {
        "tenants": [list(t) for t in memory.tenants],
        "alive": alive,
        "batch": batch,
        "unshared": sum(t.nbytes for t in memory.tenants),
        "peak": memory.steps[peak] if memory.steps else "",
    }
