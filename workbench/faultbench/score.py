"""Scores of a record of trials: located, caused, precision, false alarms; as plain numbers, for JSON and tables.

located       the first wrong line that is named is the planted one, or, where that has no tie, the line that judges it
caused        a cause in answers.ANSWERS is named for a located fault; one right cause among n named scores 1/n. Over
              the kinds that have a cause
precision     right claims of all claims made: causes named for any fault, and for clean models
false claims  faults of unlisted kinds for which a cause was named
false alarms  right models for which anything was said to be wrong
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from workbench.faultbench.answers import ANSWERS
from workbench.faultbench.kinds import KINDS, UNLISTED
from workbench.faultbench.run import Record, Trial


def located(trial: Trial) -> bool:
    return trial.outcome.line in trial.lines


def right(trial: Trial) -> bool:
    """Whether a right cause is among those named, of the right line."""
    return located(trial) and bool(ANSWERS.get(trial.kind, frozenset()) & set(trial.outcome.causes))


def caused(trial: Trial) -> float:
    return 1 / len(trial.outcome.causes) if right(trial) else 0.0


def summary(record: Record) -> dict[str, Any]:
    """The figures of the whole run."""
    trials = record.trials
    listed = [t for t in trials if t.group != UNLISTED]
    unlisted = [t for t in trials if t.group == UNLISTED]
    outcomes = [outcome for *_, outcome in record.clean]
    claims = sum(len(o.causes) for o in [*(t.outcome for t in trials), *outcomes])
    seconds = [t.outcome.seconds for t in trials]
    return {
        "faults": len(trials),
        "faults_with_a_cause": len(listed),
        "kinds": len({t.kind for t in trials}),
        "located": _mean(map(located, trials)),
        "caused": _mean(map(caused, listed)),
        "precision": sum(map(right, trials)) / claims if claims else 1.0,
        "false_claims": _mean(bool(t.outcome.causes) for t in unlisted),
        "false_alarms": _mean(not o.clean for o in outcomes),
        "clean_models": len(outcomes),
        "left_out": dict(Counter(why for _, why in record.left_out)),
        "seconds_median": statistics.median(seconds) if seconds else 0.0,
        "seconds_most": max(seconds, default=0.0),
    }


def by_kind(record: Record) -> list[dict[str, Any]]:
    """A row for each kind, in the order in which the kinds are defined."""
    return [_row(name, KINDS[name].group, trials, record) for name in KINDS
            if (trials := [t for t in record.trials if t.kind == name])]  # fmt: skip


def _row(name: str, group: str, trials: Sequence[Trial], record: Record) -> dict[str, Any]:
    named = [bool(t.outcome.causes) for t in trials]
    return {
        "kind": name,
        "group": group,
        "faults": len(trials),
        "located": _mean(map(located, trials)),
        "caused": None if group == UNLISTED else _mean(map(caused, trials)),
        "false_claims": _mean(named) if group == UNLISTED else _mean(
            n and not right(t) for n, t in zip(named, trials, strict=True)),
        "seconds": statistics.median(t.outcome.seconds for t in trials),
        "left_out": sum(kind == name for kind, _ in record.left_out),
    }  # fmt: skip


def _mean(numbers: Iterable[float]) -> float:
    numbers = list(numbers)
    return sum(numbers) / len(numbers) if numbers else 0.0
