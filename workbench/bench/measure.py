"""Timing that survives a noisy machine: contestants take turns, and ratios are taken round by round."""

from __future__ import annotations

import ctypes
import statistics
import time
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from workbench.errors import WorkbenchError

K = TypeVar("K", bound=Hashable)


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


def take_turns(contestants: Mapping[K, Callable[[], object]], rounds: int = 15, warmup: int = 3) -> dict[K, Timing]:
    """Run every contestant once a round (A-B-A-B), after warming each up; `rounds` timings of each."""
    for run in contestants.values():
        for _ in range(warmup):
            run()
    seconds: dict[K, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, run in contestants.items():
            start = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - start)
    return {name: Timing(s) for name, s in seconds.items()}


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
