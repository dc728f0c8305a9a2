"""Plants the faults of a plan, asks for a diagnosis of each, and writes down what it says."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from workbench.config.document import Document
from workbench.errors import WorkbenchError
from workbench.faultbench.effect import Effect, effect, judging_region
from workbench.faultbench.kinds import Kind, Plant, Site
from workbench.faultbench.plan import Task
from workbench.faultbench.subject import Subject
from workbench.progress import Progress, silent
from workbench.session import Session
from workbench.weights import plan_weights, write_weights

TRIES = 4  # of a kind that fits few lines: another value of the key may have an effect


@dataclass(frozen=True)
class Outcome:
    """What was said: `line` the first wrong one (0: none), `causes` those named, `refused` an error instead."""

    clean: bool
    line: int
    causes: tuple[str, ...]
    seconds: float
    said: str = ""
    refused: bool = False


@dataclass(frozen=True)
class Trial:
    """One fault and its outcome. `lines` are those that count as located: its own, and that which judges it."""

    kind: str
    group: str
    subject: str
    lines: tuple[int, ...]
    what: str
    outcome: Outcome


@dataclass
class Record:
    """All trials, the clean models, and what was left out by reason and kind."""

    trials: list[Trial] = field(default_factory=list)
    clean: list[tuple[str, int, Outcome]] = field(default_factory=list)  # subject, seed
    left_out: list[tuple[str, str]] = field(default_factory=list)  # kind, why
    absent: dict[str, str] = field(default_factory=dict)  # subjects that could not be opened, and why


def run(
    tasks: Sequence[Task], subjects: Sequence[Subject], seed: int, clean_seeds: int, progress: Progress = silent
) -> Record:
    """All of it, subject after subject, so that only one is in memory."""
    record = Record()
    total = sum(len(task.kinds) for task in tasks) + clean_seeds * len(subjects)
    for _ in progress(_steps(tasks, subjects, seed, clean_seeds, record), "faultbench", total):
        pass
    return record


def _steps(
    tasks: Sequence[Task], subjects: Sequence[Subject], seed: int, clean_seeds: int, record: Record
) -> Iterator[None]:
    by_subject = {task.subject.name: task for task in tasks}
    for number, subject in enumerate(subjects):
        try:
            session = subject.open(0)
        except WorkbenchError as problem:
            record.absent[subject.name] = problem.problem
            continue
        for other in range(clean_seeds):
            record.clean.append((subject.name, other, ask(subject.open(other) if other else session)))
            yield
        if task := by_subject.get(subject.name):
            rest = yield from _trials(task, session, np.random.default_rng([seed, number]), record)
            for kind in rest:
                _pass_on(kind, [by_subject[s.name] for s in subjects[number + 1 :] if s.name in by_subject], record)


def _pass_on(kind: Kind, later: Sequence[Task], record: Record) -> None:
    """A kind that no line of its subject could have goes to the next subject that it fits."""
    able = next((task for task in later if kind.name in task.lines), None)
    if able:
        able.kinds.append(kind)
    else:
        record.left_out.append((kind.name, "no line found for it"))


def _trials(
    task: Task, session: Session, rng: np.random.Generator, record: Record
) -> Generator[None, None, list[Kind]]:
    """A step for each fault that was planted; gives back the kinds that could not be."""
    graph = session.graph()
    plan, values, rest = plan_weights(graph), np.asarray(session.weights(graph).values), list[Kind]()
    planted = set()  # no fault counts twice
    with tempfile.TemporaryDirectory() as folder:
        for kind in task.kinds:
            lines = task.lines[kind.name]
            for _ in range(max(len(lines), TRIES)):
                site = Site(session, graph, plan, values, graph.nodes[lines[0]])
                lines.append(lines.pop(0))  # the next fault of this kind goes elsewhere
                plant = kind.plant(site, rng)
                if plant is None or plant.key in planted:
                    continue
                planted.add(plant.key)
                faulty = faulty_session(session, plant, Path(folder))
                found = effect(site, plant, faulty)
                if found is Effect.COUNTS:
                    record.trials.append(_trial(task.subject.name, kind, site, plant, ask(faulty)))
                    break
                record.left_out.append((kind.name, str(found)))
            else:
                rest.append(kind)
            yield
    return rest


def faulty_session(right: Session, plant: Plant, folder: Path) -> Session:
    """A session of the faulty config or weights; the original, which is the same, is traced once for all."""
    weights, document = None, Document(right.document.text, right.document.file)
    for key, value in plant.edits.items():
        document.set_key(plant.entry, key, value)
    if plant.values is not None:
        weights = write_weights(folder / "faulty.weights", plant.values)
    feeds = right.feeds()
    faulty = Session(
        right.model, right.example, document, right.params, feeds=feeds, weights=weights, threads=right.threads
    )
    faulty.original = right.original
    return faulty


def ask(session: Session) -> Outcome:
    """The diagnosis; an error that it raises is what a user would read, and its first line the one it names."""
    start = time.perf_counter()
    try:
        d = session.diagnose()
    except WorkbenchError as problem:
        lines = [e.where.line for e in getattr(problem, "errors", [problem]) if getattr(e.where, "line", 0)]
        return Outcome(False, min(lines, default=0), (), time.perf_counter() - start, str(problem), refused=True)
    line = d.where.line if d.where else 0
    causes = tuple(dict.fromkeys(f.cause for f in d.findings))
    return Outcome(d.clean, line, causes, d.seconds, "; ".join(f.text for f in d.findings))


def _trial(name: str, kind: Kind, site: Site, plant: Plant, outcome: Outcome) -> Trial:
    region = judging_region(site.session, site.graph, plant.node.entry)
    lines = {plant.node.where.line, *([region.node.where.line] if region else [])}
    return Trial(kind.name, kind.group, name, tuple(sorted(lines)), f"{plant.node}: {plant.what}", outcome)
