"""Stages of long work: told in order, each before it begins, and none after a cancel."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from workbench.engines.build import STAGES
from workbench.progress import silent, stage
from workbench.session import Session


class Stop(Exception):
    pass


class Told:
    """A progress that writes down what it is told, and ends the work before the stage `until`."""

    def __init__(self, until: str = "") -> None:
        self.titles: list[str] = []
        self.until = until

    def __call__(self, items: Iterable[Any], title: str, total: int) -> Iterator[Any]:
        if title == self.until:
            raise Stop
        self.titles.append(title)
        yield from items


@pytest.fixture(scope="module")
def session() -> Session:
    return Session.of_port("digits")


def test_a_stage_begins_only_where_progress_lets_it() -> None:
    done = []
    with stage(silent, "one"):
        done.append("one")
    with pytest.raises(Stop), stage(Told(until="two"), "two"):
        done.append("two")
    assert done == ["one"]


@pytest.mark.parametrize(
    ("file", "stages"),
    [("", ["compile"]), ("new.engine", ["engine file", "compile", "write"]), ("old.engine", ["engine file", "open"])],
)
def test_a_build_tells_the_stages_it_needs(session: Session, tmp_path: Path, file: str, stages: list[str]) -> None:
    path = tmp_path / file if file else None
    if file.startswith("old"):
        session.build(path).close()
    told, config_file = Told(), session.document.text.replace("engine_file=weights/digits.engine", "")
    alone = Session(session.model, session.example, config_file, session.params, feeds=session.feeds())
    (session if path else alone).build(path, progress=told).close()
    assert told.titles == ["config", "weights", *stages] and set(stages) <= set(STAGES)


def test_a_cancelled_build_writes_nothing(session: Session, tmp_path: Path) -> None:
    with pytest.raises(Stop):
        session.build(tmp_path / "x.engine", progress=Told(until="write"))
    assert not list(tmp_path.iterdir())
