"""Measuring a session: its original, OpenVINO from ONNX, and its engine, in turns; memory in processes of their own."""

from __future__ import annotations

import datetime
import importlib.metadata
import math
import os
import platform
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from workbench.bench.contestants import from_onnx, originals, ours
from workbench.bench.measure import Timing, speedup, take_turns
from workbench.bench.process import peak_of
from workbench.bench.sheet import Row, Sheet
from workbench.engines.base import Arrays
from workbench.engines.build import Network, build_network, load_network
from workbench.errors import WorkbenchError
from workbench.session import Session

OURS = "workbench"
MEMORY_RUNS = 5


class Named(NamedTuple):
    """How a fresh process makes the original again: a port's or factory's name, its part, a checkpoint."""

    model: str
    part: str = ""
    checkpoint: str | None = None


def measure(
    session: Session,
    named: Named,
    *,
    batches: Sequence[int] = (1,),
    precisions: Sequence[str] = ("f32",),
    rounds: int = 15,
    threads: int | None = None,
    compiled: bool = False,
) -> Sheet:
    """The benchmark sheet of a session. The original runs in float32, after its own fuse(), with the same threads."""
    import torch

    if threads:
        torch.set_num_threads(threads)
    rows, notes = [], []
    for times in batches:
        feeds = {name: np.repeat(x, times, 0) for name, x in session.feeds().items()}
        example = tuple(np.repeat(x, times, 0) for x in session.example_arrays())
        size = len(next(iter(feeds.values())))
        rivals = dict(originals(session.model, example, compiled))
        for precision in precisions:
            try:
                rivals[f"OpenVINO from ONNX {precision}"] = from_onnx(session.model, example, precision, threads)
            except WorkbenchError as problem:
                notes.append(problem.problem)
        rows += _batch(session, named, feeds, example, rivals, precisions, rounds, threads, size)
    return Sheet(named.model, rows, machine(threads, rounds), notes)


def _batch(session: Session, named: Named, feeds: Arrays, example: tuple[np.ndarray, ...], rivals: dict[str, Any],
           precisions: Sequence[str], rounds: int, threads: int | None, size: int) -> list[Row]:  # fmt: skip
    network = _resized(session, size)
    with tempfile.TemporaryDirectory() as folder:
        files = {p: Path(folder) / f"{p}.engine" for p in precisions}
        engines = {p: build_network(network, precision=p, threads=threads, engine_file=f) for p, f in files.items()}
        runs = rivals | {f"{OURS} {p}": ours(e, feeds) for p, e in engines.items()}
        timings = take_turns(runs, rounds)
        errors = {p: _error(session, e) for p, e in engines.items()}
        for engine in engines.values():
            engine.close()
        np.savez(Path(folder) / "feeds.npz", **feeds)  # type: ignore[arg-type]
        np.savez(Path(folder) / "example.npz", *example)
        common = {"runs": MEMORY_RUNS, "threads": threads}
        peaks = {
            f"{OURS} {p}": peak_of({"kind": "engine", "file": str(f), "feeds": f"{folder}/feeds.npz", **common})
            for p, f in files.items()
        }
        job = {"kind": "original", **named._asdict(), "example": f"{folder}/example.npz", **common}
        peaks["PyTorch eager"] = peak_of(job)
    return [_row(name, size, t, timings, peaks, errors) for name, t in timings.items()]


def _row(name: str, size: int, timing: Timing, timings: dict[str, Timing], peaks: dict[str, int],
         errors: dict[str, float]) -> Row:  # fmt: skip
    """A rival in float32 is compared with our f32 engine, or the first that ran."""
    words = name.rsplit(" ", 1)
    contestant, precision = words if len(words) == 2 and words[1] in ("f32", "bf16", "f16") else (name, "f32")
    own = timings.get(f"{OURS} {precision}") or next(t for n, t in timings.items() if n.startswith(OURS))
    fastest, slowest = (1e3 * s for s in timing.spread)
    error = errors.get(precision, math.nan) if contestant == OURS else math.nan
    ratio = speedup(timing, own) if contestant != OURS else math.nan
    peak = peaks[name] / 2**20 if name in peaks else math.nan
    return Row(contestant, size, precision, 1e3 * timing.median, fastest, slowest, ratio, peak, error)


def _resized(session: Session, size: int) -> Network:
    """The session's network at another batch, by its $BATCH_SIZE."""
    params = session.params | ({"BATCH_SIZE": str(size)} if session.params.get("BATCH_SIZE", "-1") != "-1" else {})
    return load_network(session.document, params, session.weights().values)


def _error(session: Session, engine: Any) -> float:
    """The largest error of the engine's tied outputs on the session's own feeds, each part by its own range."""
    feeds = session.feeds()
    if any(spec.shape[0] not in (-1, len(feeds[name])) for name, spec in engine.inputs.items()):
        return math.nan  # an engine of another batch
    return max(session.errors(engine).values(), default=math.nan)


def machine(threads: int | None, rounds: int) -> dict[str, str]:
    """What the figures were measured on, in general words."""
    version = importlib.metadata.version
    return {
        "date": datetime.date.today().isoformat(),
        "processor": f"{platform.machine()}, {_processor()}",
        "threads": str(threads or os.cpu_count()),
        "rounds": str(rounds),
        "torch": version("torch"),
        "openvino": version("openvino"),
        "python": platform.python_version(),
    }


def _processor() -> str:
    from workbench.engines import engine_class

    return engine_class("openvino").machine()
