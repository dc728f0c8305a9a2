"""Measuring a session: its original, OpenVINO from ONNX, and its engine, in turns; memory in processes of their own."""

from __future__ import annotations

import copy
import math
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from workbench.bench.contestants import EAGER, ONNX, OURS, Run, from_onnx, fused, originals, ours
from workbench.bench.machine import OTHERS, cores, machine
from workbench.bench.measure import Timing, speedup, take_turns
from workbench.bench.process import in_process
from workbench.bench.sheet import Row, Sheet
from workbench.compare.parts import part_errors, parts_of
from workbench.engines.base import Arrays, Engine
from workbench.engines.build import Network, build_network, load_network
from workbench.errors import Problems, WorkbenchError
from workbench.session import Session

MEMORY_RUNS = 5


class Named(NamedTuple):
    """How a fresh process makes the original again: a port's or factory's name, and its part."""

    model: str
    part: str = ""


@dataclass
class Bench:
    """One measurement; `notes` collects what could not be measured."""

    session: Session
    named: Named | None
    rounds: int
    patience: int
    threads: int
    compiled: bool

    def __post_init__(self) -> None:
        self.notes: list[str] = []
        self.others = 0.0  # the most of all cores that other programs took
        self._model = fused(copy.deepcopy(self.session.model))

    def batch(self, times: int, precisions: Sequence[str]) -> list[Row]:
        """A row for each contestant on the example repeated `times` along the batch axis."""
        feeds = {name: np.repeat(x, times, 0) for name, x in self.session.feeds().items()}
        example = [np.repeat(x, times, 0) for x in self.session.example_arrays()]
        if not feeds:
            raise WorkbenchError("what the config is fed is not known", note="Session(..., feeds={NAME: array})")
        size = len(next(iter(feeds.values())))
        with tempfile.TemporaryDirectory() as folder, ExitStack() as engines:
            files = {p: Path(folder) / f"{p}.engine" for p in precisions}
            network = resized(self.session, times, size)
            built = {
                p: engines.enter_context(build_network(network, precision=p, threads=self.threads, engine_file=f))
                for p, f in files.items()
            }
            runs = {key: run for p in precisions for key, run in self._contestants(example, p)}
            runs |= {(OURS, p): ours(engine, feeds) for p, engine in built.items()}
            turns = take_turns(runs, self.rounds, patience=self.patience)
            self.others = max(self.others, turns.others)
            errors = {(OURS, p): errors_of(self.session, engine, feeds, times) for p, engine in built.items()}
            engines.close()
            peaks = self._peaks(Path(folder), files, feeds, example)
        return [_row(key, size, turns.timings, peaks, errors) for key in turns.timings]

    def _contestants(self, example: list[np.ndarray], precision: str) -> Iterator[tuple[tuple[str, str], Run]]:
        for name, run in originals(self._model, example, precision, self.compiled):
            yield (name, precision), run
        try:
            yield (ONNX, precision), from_onnx(self._model, example, precision, self.threads)
        except WorkbenchError as problem:
            self.notes.append(problem.problem)

    def _peaks(
        self, folder: Path, files: dict[str, Path], feeds: Arrays, example: list[np.ndarray]
    ) -> dict[tuple[str, str], float]:
        """Peak bytes of a process with each engine file alone, and of one with the original and the same weights."""
        np.savez(folder / "feeds.npz", **feeds)  # type: ignore[arg-type]
        common = {"runs": MEMORY_RUNS, "threads": self.threads}
        peaks = {
            (OURS, p): in_process({"kind": "engine", "file": str(f), "feeds": str(folder / "feeds.npz")} | common)[
                "peak"
            ]
            for p, f in files.items()
        }
        if self.named is None:
            self.notes.append("PyTorch's memory was not measured: nothing says how another process makes the original")
        else:
            job = original_job(self.session, self.named, folder, example, self.threads)
            peaks[EAGER, "f32"] = in_process({"kind": "original", "runs": MEMORY_RUNS} | job)["peak"]
        return peaks


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
) -> Sheet:
    """The benchmark sheet of a session. Every contestant has the same threads (default: all cores) and precision.

    `batches` are how many times the example is repeated. Rounds that other programs disturb are run again, up to
    `patience` times as many. `named` makes the original again in the process that PyTorch's
    memory is measured in. `compiled` adds torch.compile.
    """
    threads = threads or cores()
    with torch_threads(threads):
        bench = Bench(session, named, rounds, patience, threads, compiled)
        rows = [row for times in batches for row in bench.batch(times, precisions)]
    title = named.model if named else session.document.file
    measured = {"rounds": str(rounds), OTHERS: f"up to {bench.others:.0%}"}
    return Sheet(title, rows, machine(threads) | measured, list(dict.fromkeys(bench.notes)))


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


def resized(session: Session, times: int, size: int) -> Network:
    """The session's network at another batch, by its $BATCH_SIZE where that does not leave it open (-1)."""
    fixed = session.params.get("BATCH_SIZE", "")
    if times > 1 and not fixed:
        raise WorkbenchError(
            "the config's batch cannot be changed: it has no $BATCH_SIZE",
            session.document.file,
            "write shape=$BATCH_SIZE,... and give --set BATCH_SIZE=1",
        )
    params = session.params | ({"BATCH_SIZE": str(size)} if fixed not in ("", "-1") else {})
    return load_network(session.document, params, session.weights().values)


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


def _row(
    key: tuple[str, str],
    size: int,
    timings: dict[tuple[str, str], Timing],
    peaks: dict[tuple[str, str], float],
    errors: dict[tuple[str, str], dict[str, float]],
) -> Row:
    """A contestant against our engine of the same precision; our memory against that of PyTorch in float32."""
    contestant, precision = key
    timing, own = timings[key], timings[OURS, precision]
    fastest, slowest = timing.spread
    peak = peaks.get(key, math.nan)
    return Row(
        contestant,
        size,
        precision,
        1e3 * timing.median,
        1e3 * fastest,
        1e3 * slowest,
        speedup=math.nan if contestant == OURS else speedup(timing, own),
        peak=peak / 2**20,
        memory=peak / peaks.get((EAGER, "f32"), math.nan) if contestant == OURS else math.nan,
        errors=errors.get(key, {}),
    )
