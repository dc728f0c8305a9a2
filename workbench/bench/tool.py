"""The workbench's own speed: importing it, checking a config, checking one edited line, and the RAM of tracing."""

from __future__ import annotations

import math
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from workbench.bench.machine import cores, machine
from workbench.bench.process import in_process
from workbench.bench.run import Named, original_job, torch_threads
from workbench.bench.table import Table, number
from workbench.errors import WorkbenchError
from workbench.session import Session

IMPORT = "import time; start = time.perf_counter(); import workbench; print(time.perf_counter() - start)"
EDITS = 9  # lines that are edited and checked again, spread over the config
PROCESSES = 3  # that measure the RAM of tracing
MB = 2**20


@dataclass(frozen=True)
class Figure:
    """A figure and the most that it should be; NaN where there is no such limit."""

    what: str
    value: float
    unit: str
    most: float = math.nan

    def cells(self) -> list[str]:
        form = "{:.2f}" if self.unit in ("s", "x") else "{:.0f}"
        return [self.what, f"{form.format(self.value)} {self.unit}", number(self.most, "{:g} " + self.unit)]


@dataclass(frozen=True)
class Figures(Table):
    """What `workbench bench --tool` measured."""

    HEAD = ("what", "measured", "at most")

    rows: list[Figure]


def measure_tool(session: Session, named: Named, threads: int | None = None) -> Figures:
    """The figures for a session that has not been checked yet. Raises WorkbenchError where its config does not pass."""
    load_libraries()
    threads = threads or cores()
    with torch_threads(threads):
        rows = [Figure("import workbench", import_seconds(), "s", 0.2)]
        start = time.perf_counter()
        report = session.check()
        rows.append(Figure(f"check of all {len(report.lines)} lines", time.perf_counter() - start, "s", 6))
        if not report.passed:
            raise WorkbenchError("the config does not pass its check", session.document.file, str(report.first_bad))
        seconds = edit_seconds(session)
        rows.append(Figure("check of one edited line, median", 1e3 * statistics.median(seconds), "ms", 150))
        rows.append(Figure("check of one edited line, slowest", 1e3 * max(seconds), "ms"))
        rows += tracing(session, named, threads)
    return Figures(f"{named.model}: the workbench itself", rows, machine(threads))


def load_libraries() -> None:
    """Import what a check imports: torch loads over a thousand modules at its first export."""
    import torch

    from workbench.engines.openvino import core
    from workbench.trace.ops import Exported

    core()
    Exported(torch.nn.ReLU(), torch.zeros(1))


def import_seconds(runs: int = 5) -> float:
    """The best of fresh interpreters: other work on the machine only adds."""
    times = []
    for _ in range(runs):
        done = subprocess.run([sys.executable, "-c", IMPORT], capture_output=True, text=True, check=True)
        times.append(float(done.stdout))
    return min(times)


def edit_seconds(session: Session) -> list[float]:
    """Seconds that `replace` takes, verdict included, on tied lines spread over the config; each edit is undone."""
    tied = [node for node in session.graph().body if node.tie]
    seconds = []
    for node in tied[:: max(1, len(tied) // EDITS)][:EDITS]:
        text = session.document.source(node.entry)
        start = time.perf_counter()
        session.replace(node.entry, f"{text} # edited")
        seconds.append(time.perf_counter() - start)
        session.undo()
    return seconds


def tracing(session: Session, named: Named, threads: int) -> list[Figure]:
    """RAM of recording all tied tensors against a plain forward of the original: the median of fresh processes.

    How an allocator happens to lay out its heap moves the ratio by a quarter.
    """
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "session.cfg"
        config.write_bytes(bytes(session.document))
        job = original_job(session, named, Path(folder), session.example_arrays(), threads)
        job |= {"kind": "trace", "config": str(config), "params": session.params}
        runs = sorted((in_process(job) for _ in range(PROCESSES)), key=lambda r: r["tracing"] / r["forward"])
    found = runs[PROCESSES // 2]
    return [
        Figure("RAM that tracing adds", found["tracing"] / MB, "MB"),
        Figure("RAM that a plain forward adds", found["forward"] / MB, "MB"),
        Figure("largest set of tensors alive at once", found["live"] / MB, "MB"),
        Figure("tracing against a plain forward", found["tracing"] / found["forward"], "x", 1.5),
    ]
