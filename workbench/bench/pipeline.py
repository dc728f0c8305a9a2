"""Whole pipelines side by side: from a frame's bytes to results, the original package's own against the port's."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from workbench.bench.contestants import OURS, Run
from workbench.bench.machine import OTHERS, cores, machine
from workbench.bench.measure import speedup, take_turns
from workbench.bench.run import torch_threads
from workbench.bench.table import Table, number
from workbench.config.variables import Params
from workbench.ports import get_port
from workbench.ports.base import Port
from workbench.ports.networks import Networks
from workbench.session import Session

UPSTREAM, STEPS = "original's own pipeline", "original, the port's steps"


class Contestant(NamedTuple):
    """Who takes a frame of `size` (width, height) to results, and in which precision."""

    name: str
    size: tuple[int, int]
    precision: str


@dataclass(frozen=True)
class Lap:
    """Milliseconds a frame (median, fastest, slowest); `speedup`: how many times faster than the original, round by
    round; NaN for the original itself."""

    contestant: str
    frame: str
    precision: str
    ms: float
    fastest: float
    slowest: float
    speedup: float = math.nan

    def cells(self) -> list[str]:
        times = [f"{v:.1f}" for v in (self.ms, self.fastest, self.slowest, 1e3 / self.ms)]
        return [self.contestant, self.frame, self.precision, *times, number(self.speedup, "{:.2f} x")]


@dataclass(frozen=True)
class Laps(Table):
    """What `workbench bench --pipeline` measured."""

    HEAD = ("pipeline", "frame", "precision", "ms", "from", "to", "fps", "faster than the original")

    rows: list[Lap]


def measure_pipeline(
    name: str,
    sizes: Sequence[tuple[int, int]],
    *,
    params: Params = None,
    precisions: Sequence[str] = ("f32",),
    rounds: int = 15,
    patience: int = 3,
    threads: int | None = None,
) -> Laps:
    """A port's pipeline in these precisions against the original's in float32, on its sample as frames of `sizes`.

    `sizes` are (width, height). Where the port knows no pipeline of the original package, its own steps are taken
    around the PyTorch model. Weights are those of the port's original. Raises WorkbenchError.
    """
    port, threads = get_port(name), threads or cores()
    sample = port.sample().convert("RGB")
    frames = {size: np.asarray(sample.resize(size, Image.Resampling.BILINEAR)) for size in sizes}
    with ExitStack() as opened, torch_threads(threads):
        runs = dict(_originals(port, params, frames, opened)) | dict(
            _ours(port, params, frames, precisions, threads, opened)
        )
        turns = take_turns(runs, rounds, patience=patience)
    rows = []
    for who, timing in turns.timings.items():
        original = next(t for other, t in turns.timings.items() if other.size == who.size)
        gain = math.nan if timing is original else speedup(original, timing)
        middle, fastest, slowest = (1e3 * seconds for seconds in (timing.median, *timing.spread))
        rows.append(Lap(who.name, "{} x {}".format(*who.size), who.precision, middle, fastest, slowest, gain))
    about = machine(threads) | {"rounds": str(rounds), OTHERS: f"up to {turns.others:.0%}"}
    return Laps(f"{name}: from a frame to results", rows, about)


Frames = dict[tuple[int, int], np.ndarray]


def _originals(port: Port, params: Params, frames: Frames, opened: ExitStack) -> Iterator[tuple[Contestant, Run]]:
    if port.upstream:
        label, call = UPSTREAM, port.upstream(port.part(), params)
    else:
        networks = opened.enter_context(Networks(port, params, original=True))
        label, call = STEPS, partial(port.infer, networks)
    yield from _each(label, "f32", call, frames)


def _ours(
    port: Port, params: Params, frames: Frames, precisions: Sequence[str], threads: int, opened: ExitStack
) -> Iterator[tuple[Contestant, Run]]:
    folder = Path(opened.enter_context(tempfile.TemporaryDirectory()))
    weights = {part.name: folder / f"{part.name}.weights" for part in port.parts}
    for part, path in weights.items():
        Session.of_port(port.name, part).write_weights(path)
    for precision in precisions:
        networks = Networks(port, params, weights=weights, precision=precision, threads=threads)
        yield from _each(OURS, precision, partial(port.infer, opened.enter_context(networks)), frames)


def _each(
    name: str, precision: str, call: Callable[[np.ndarray], object], frames: Frames
) -> Iterator[tuple[Contestant, Run]]:
    for size, frame in frames.items():
        yield Contestant(name, size, precision), partial(call, frame)
