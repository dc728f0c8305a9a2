"""The arithmetic of measuring, on contestants whose times are known."""

import itertools

import pytest

from workbench.bench import measure
from workbench.bench.measure import Timing, peak_memory, reset_peak, speedup, take_turns


def test_contestants_take_turns_and_warm_up_first(monkeypatch):
    ticks = itertools.count()
    monkeypatch.setattr(measure.time, "perf_counter", lambda: float(next(ticks)))
    order: list[str] = []
    timings = take_turns({name: lambda name=name: order.append(name) for name in "ab"}, rounds=3, warmup=2)
    assert "".join(order) == "aabb" + "ab" * 3
    assert timings == {"a": Timing([1.0, 1.0, 1.0]), "b": Timing([1.0, 1.0, 1.0])}


def test_the_ratio_is_taken_round_by_round():
    """The machine is three times slower in two rounds, for both contestants; the medians alone would say 6 to 1."""
    slow, fast = Timing([2, 6, 6, 2, 6]), Timing([1, 3, 3, 1, 1])
    assert speedup(slow, fast) == 2
    assert (slow.median, fast.median, slow.spread) == (6, 1, (2, 6))


def test_rounds_that_do_not_pair_are_refused():
    with pytest.raises(ValueError):
        speedup(Timing([1, 2]), Timing([1]))


def test_the_peak_begins_anew():
    bytearray(b"x") * (64 * 2**20)
    first = peak_memory()
    before = reset_peak()
    assert before < first - 32 * 2**20
    held = bytearray(b"x") * (32 * 2**20)
    assert peak_memory() - before > 0.9 * len(held)
