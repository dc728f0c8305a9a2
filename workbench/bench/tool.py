"""The workbench's own speed: importing it, checking a config, checking one edited line, and the RAM of tracing."""

from __future__ import annotations

import math
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from workbench.bench.machine import OTHERS, cores, machine
from workbench.bench.measure import take_turns
from workbench.bench.process import in_process
from workbench.bench.run import Named, original_job, torch_threads
from workbench.bench.table import Table, number
from workbench.compare.report import Report
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


def measure_tool(
    open_session: Callable[[], Session], named: Named, threads: int | None = None, patience: int = 3
) -> Figures:
    """The figures; what other programs disturb is measured again, up to `patience` times, on a session newly opened.

    Raises WorkbenchError where the config does not pass its check.
    """
    load_libraries()
    threads = threads or cores()
    with torch_threads(threads):
        sessions = [open_session() for _ in range(patience)]
        tries, reports = iter(sessions), list[Report]()
        check = take_turns({"": lambda: reports.append(next(tries).check())}, 1, 0, patience, settle=False)
        session, report = sessions[len(reports) - 1], reports[-1]
        if not report.passed:
            raise WorkbenchError("the config does not pass its check", session.document.file, str(report.first_bad))
        edits = take_turns(edited_lines(session), 3, 1, patience, settle=False)
        medians = [timing.median for timing in edits.timings.values()]
        rows = [
            Figure("import workbench", import_seconds(), "s", 0.2),
            Figure(f"check of all {len(report.lines)} lines", check.timings[""].median, "s", 6),
            Figure("check of one edited line, median", 1e3 * statistics.median(medians), "ms", 150),
            Figure("check of one edited line, slowest", 1e3 * max(medians), "ms"),
            *tracing(session, named, threads),
        ]
    others = f"up to {max(check.others, edits.others):.0%}"
    return Figures(f"{named.model}: the workbench itself", rows, machine(threads) | {OTHERS: others})


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


def edited_lines(session: Session) -> dict[int, Callable[[], object]]:
    """Edits with their verdicts, each undone, of tied lines spread over the config."""
    tied = [node.entry for node in session.graph().body if node.tie]
    return {entry: partial(_edit, session, entry) for entry in tied[:: max(1, len(tied) // EDITS)][:EDITS]}


def _edit(session: Session, entry: int) -> None:
    session.replace(entry, f"{session.document.source(entry)} # edited")
    session.undo()


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
