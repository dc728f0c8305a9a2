"""Measuring a session: its original, OpenVINO from ONNX, and its engine, in turns; memory in processes of their own."""

from __future__ import annotations

import copy
import math
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from workbench.bench.contestants import ONNX, OURS, Run, from_onnx, fused, originals, ours
from workbench.bench.machine import OTHERS, cores, machine
from workbench.bench.measure import Timing, speedup, take_turns
from workbench.bench.process import in_process
from workbench.bench.sheet import Row, Sheet
from workbench.compare.parts import part_errors, parts_of
from workbench.engines.base import Arrays, Engine
from workbench.engines.build import Network, build_network
from workbench.errors import Problems, WorkbenchError
from workbench.progress import Progress, silent, stage
from workbench.session import Session

MEMORY_RUNS = 5


class Named(NamedTuple):
    """How a fresh process makes the original again: a port's or factory's name, and its part."""

    model: str
    part: str = ""


@dataclass(frozen=True)
class Load:
    """What all are fed: the example repeated `times` along the batch axis; `folder` holds what processes are handed."""

    times: int
    feeds: Arrays
    example: list[np.ndarray]
    folder: Path

    @property
    def batch(self) -> int:
        return len(next(iter(self.feeds.values())))


@dataclass
class Bench:
    """One measurement; `notes` collects what could not be measured."""

    session: Session
    named: Named | None
    rounds: int
    patience: int
    threads: int
    compiled: bool
    progress: Progress = silent

    def __post_init__(self) -> None:
        self.notes: list[str] = []
        self.others = 0.0  # the most of all cores that other programs took
        self._model = fused(copy.deepcopy(self.session.model))

    def batch(self, times: int, precisions: Sequence[str]) -> list[Row]:
        """A row for each contestant and precision."""
        feeds = {name: np.repeat(x, times, 0) for name, x in self.session.feeds().items()}
        example = [np.repeat(x, times, 0) for x in self.session.example_arrays()]
        if not feeds:
            raise WorkbenchError("what the config is fed is not known", note="Session(..., feeds={NAME: array})")
        with tempfile.TemporaryDirectory() as folder:
            load = Load(times, feeds, example, Path(folder))
            network = self.session.network(load.batch if times > 1 else 0)
            with self._stage(load, "PyTorch's memory"):
                peak = self._original_peak(load)
            return [row for p in precisions for row in self._precision(p, network, load, peak)]

    def _stage(self, load: Load, what: str) -> AbstractContextManager[None]:
        return stage(self.progress, f"batch {load.batch}: {what}")

    def _precision(self, precision: str, network: Network, load: Load, original_peak: float) -> list[Row]:
        """All of one precision, our engine last."""
        file = load.folder / f"{precision}.engine"
        with self._stage(load, f"{precision}, building"):
            engine = build_network(network, precision=precision, threads=self.threads, engine_file=file)
            runs = dict(self._rivals(load.example, precision)) | {OURS: ours(engine, load.feeds)}
        with engine:
            title = f"batch {load.batch}: {precision}, rounds"
            turns = take_turns(runs, self.rounds, patience=self.patience, progress=self.progress, title=title)
            errors = errors_of(self.session, engine, load.feeds, load.times)
        self.others = max(self.others, turns.others)
        rows = [_row(name, load.batch, precision, t, turns.timings[OURS]) for name, t in turns.timings.items()]
        if precision == "f32":
            rows[0] = replace(rows[0], peak=original_peak)
        with self._stage(load, f"{precision}, memory"):
            peak = self._engine_peak(file, load)
        return [*rows[:-1], replace(rows[-1], speedup=math.nan, peak=peak, memory=peak / original_peak, errors=errors)]

    def _rivals(self, example: list[np.ndarray], precision: str) -> Iterator[tuple[str, Run]]:
        yield from originals(self._model, example, precision, self.compiled)
        try:
            yield ONNX, from_onnx(self._model, example, precision, self.threads)
        except WorkbenchError as problem:
            self.notes.append(problem.problem)

    def _engine_peak(self, file: Path, load: Load) -> float:
        """Most MB of a process with the engine file alone."""
        feeds = load.folder / "feeds.npz"
        np.savez(feeds, **load.feeds)  # type: ignore[arg-type]
        job = {"kind": "engine", "file": str(file), "feeds": str(feeds), "runs": MEMORY_RUNS, "threads": self.threads}
        return in_process(job)["peak"] / 2**20

    def _original_peak(self, load: Load) -> float:
        """Most MB of a process with the original in float32 and the same weights; NaN where it cannot be made again."""
        if self.named is None:
            self.notes.append("PyTorch's memory was not measured: nothing says how another process makes the original")
            return math.nan
        job = original_job(self.session, self.named, load.folder, load.example, self.threads)
        return in_process({"kind": "original", "runs": MEMORY_RUNS} | job)["peak"] / 2**20


def measure(
    session: Session,
    named: Named | None = None,
    *,
    batches: Sequence[int] = (1,),
    precisions: Sequence[str] = ("f32",),
    rounds: int = 15,
    patience: int = 3,
    threads: int | None = None,
    compiled: bool = False,
    progress: Progress = silent,
    told: Callable[[Sheet], object] = lambda sheet: None,
) -> Sheet:
    """The benchmark sheet of a session. Every contestant has the same threads (default: all cores) and precision.

    `batches` are how many times the example is repeated. Rounds that other programs disturb are run again, up to
    `patience` times as many. `named` makes the original again in the process that PyTorch's memory is measured in.
    `compiled` adds torch.compile. `told` is called with the sheet so far after every batch.
    """
    threads = threads or cores()
    named = named or (Named(*session.made_by) if session.made_by else None)
    title = named.model if named else session.document.file
    about = machine(threads) | {"rounds": str(rounds)}
    rows: list[Row] = []
    sheet = Sheet(title, rows, about)
    with torch_threads(threads):
        bench = Bench(session, named, rounds, patience, threads, compiled, progress)
        for times in batches:
            rows = [*rows, *bench.batch(times, precisions)]
            measured = about | {OTHERS: f"up to {bench.others:.0%}"}
            told(sheet := Sheet(title, rows, measured, list(dict.fromkeys(bench.notes))))
    return sheet


@contextmanager
def torch_threads(threads: int) -> Iterator[None]:
    """PyTorch's own number of threads, for as long as the block lasts."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def original_job(session: Session, named: Named, folder: Path, example: Sequence[np.ndarray], threads: int) -> dict:
    """What a fresh process needs to make the original again, with the session's weights, from files in `folder`."""
    import torch

    np.savez(folder / "example.npz", *example)
    torch.save(session.model.state_dict(), folder / "original.pt")
    files = {"example": str(folder / "example.npz"), "checkpoint": str(folder / "original.pt")}
    return {**named._asdict(), **files, "threads": threads}


def errors_of(session: Session, engine: Engine, feeds: Arrays, times: int) -> dict[str, float]:
    """How far each part of the engine's tied outputs is from the original's, relative to the part's range."""
    graph, problems = session.graph(), Problems()
    originals, parts = session.original.tensors(graph, problems), parts_of(graph)
    problems.raise_errors()
    return {
        name: error
        for output, y in engine.run(feeds).items()
        if output in originals
        for name, error in part_errors(output, y, np.repeat(originals[output], times, 0), parts.get(output)).items()
    }


def _row(contestant: str, batch: int, precision: str, timing: Timing, own: Timing) -> Row:
    """A contestant's times, and how much faster our engine ran (its `own` times)."""
    fastest, slowest = (1e3 * seconds for seconds in timing.spread)
    return Row(contestant, batch, precision, 1e3 * timing.median, fastest, slowest, speedup(timing, own))
