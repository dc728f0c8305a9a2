"""The arithmetic of measuring, on contestants whose times are known."""

import itertools

import pytest

from workbench.bench import measure
from workbench.bench.measure import Timing, Turns, peak_memory, reset_peak, speedup, take_turns


@pytest.fixture
def clock(monkeypatch):
    """Every look at the clock is a second later than the last; nobody else is on the machine."""
    ticks = itertools.count()
    monkeypatch.setattr(measure.time, "perf_counter", lambda: float(next(ticks)))
    monkeypatch.setattr(measure, "used_by_others", lambda: 0.0)


def test_contestants_take_turns_and_warm_up_first(clock):
    order: list[str] = []
    turns = take_turns({name: lambda name=name: order.append(name) for name in "ab"}, rounds=3, warmup=2)
    assert "".join(order) == "aabb" + "aabb" * 3  # warming up, then an untimed and a timed run in every round
    assert turns == Turns({"a": Timing([1.0] * 3), "b": Timing([1.0] * 3)}, 0.0)


@pytest.mark.parametrize("patience, rounds_run, others", [(3, 5, 0.01), (2, 4, 0.3)])
def test_disturbed_rounds_are_run_again(clock, monkeypatch, patience, rounds_run, others):
    """Of two cores for three seconds, others take 90 %, 1 %, 60 %, 30 % in four rounds, then nothing."""
    used = itertools.accumulate([0, 5.4, 0, 0.06, 0, 3.6, 0, 1.8, *[0] * 99])
    monkeypatch.setattr(measure, "used_by_others", lambda: next(used))
    monkeypatch.setattr(measure, "cores", lambda: 2)
    runs: list[int] = []
    turns = take_turns({"a": lambda: runs.append(1)}, rounds=2, warmup=0, patience=patience, settle=False)
    assert len(runs) == rounds_run and len(turns.timings["a"].seconds) == 2
    assert turns.others == pytest.approx(others)


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
