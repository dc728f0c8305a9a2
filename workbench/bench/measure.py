"""Timing that survives a noisy machine: contestants take turns, and ratios are taken round by round."""

from __future__ import annotations

import ctypes
import os
import statistics
import time
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from workbench.bench.machine import cores
from workbench.errors import WorkbenchError
from workbench.progress import Progress, silent

K = TypeVar("K", bound=Hashable)
CALM = 0.05  # of all cores, used by others: less than this moves no median


@dataclass(frozen=True)
class Timing:
    """Seconds of one contestant, a figure for each round."""

    seconds: list[float]

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    @property
    def spread(self) -> tuple[float, float]:
        """Fastest and slowest round."""
        return min(self.seconds), max(self.seconds)


@dataclass(frozen=True)
class Turns(Generic[K]):
    """Timings by contestant; `others`: the most of all cores that other programs took in a round that counts."""

    timings: dict[K, Timing]
    others: float


def take_turns(
    contestants: Mapping[K, Callable[[], object]],
    rounds: int = 15,
    warmup: int = 3,
    patience: int = 3,
    settle: bool = True,
    progress: Progress = silent,
    title: str = "rounds",
) -> Turns[K]:
    """Time every contestant once a round (A-B-A-B), after warming each up; `rounds` timings of each.

    To `settle`, each runs untimed before it is timed: the one before leaves its data in the caches, and PyTorch's
    threads stay busy for some time after it, waiting for more.
    A round that other programs disturb (CALM) is run again, up to `patience` times as many rounds in all; then the
    calmest count.
    """
    for run in contestants.values():
        for _ in range(warmup):
            run()
    taken: list[tuple[float, dict[K, float]]] = []

    def wanted() -> Iterator[None]:
        while len(taken) < rounds * patience and sum(others <= CALM for others, _ in taken) < rounds:
            yield None

    for _ in progress(wanted(), title, rounds):
        taken.append(_round(contestants, settle))
    calmest = sorted(sorted(range(len(taken)), key=lambda i: taken[i][0])[:rounds])
    timings = {name: Timing([taken[i][1][name] for i in calmest]) for name in contestants}
    return Turns(timings, max(0.0, *(taken[i][0] for i in calmest)))


def _round(contestants: Mapping[K, Callable[[], object]], settle: bool) -> tuple[float, dict[K, float]]:
    """(the part of all cores that other programs took, seconds of each contestant)."""
    used, began, seconds = used_by_others(), time.perf_counter(), {}
    for name, run in contestants.items():
        if settle:
            run()
        start = time.perf_counter()
        run()
        seconds[name] = time.perf_counter() - start
    return (used_by_others() - used) / ((time.perf_counter() - began) * cores()), seconds


def used_by_others() -> float:
    """Seconds of CPU, over all cores, that other programs have used; 0 where the system does not tell."""
    try:
        user, nice, system, _idle, _wait, irq, softirq, steal = map(int, _first_line("/proc/stat").split()[1:9])
    except (OSError, ValueError):
        return 0.0
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK") - time.process_time()


def _first_line(path: str) -> str:
    with open(path, encoding="ascii") as file:
        return file.readline()


def speedup(slow: Timing, fast: Timing) -> float:
    """How many times faster `fast` is: the median of the ratios of rounds that ran next to each other."""
    return statistics.median(a / b for a, b in zip(slow.seconds, fast.seconds, strict=True))


def peak_memory() -> int:
    """Most bytes that this process has held in RAM so far.

    Linux's VmHWM: unlike getrusage's figure it begins anew when a program is started. Elsewhere getrusage's.
    """
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    import resource
    import sys

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def reset_peak() -> int:
    """Let `peak_memory` begin anew after giving unused memory back; the bytes held now. Linux alone can do it."""
    try:
        ctypes.CDLL(None).malloc_trim(0)
        Path("/proc/self/clear_refs").write_text("5")
    except (OSError, AttributeError) as error:
        raise WorkbenchError(f"the peak of RAM cannot be taken anew here: {error}") from error
    return peak_memory()
