"""How long work tells how far it is, and how it is cancelled: `progress(items, title, total)` hands the items on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

Progress = Callable[[Iterable[Any], str, int], Iterable[Any]]


def silent(items: Iterable[Any], title: str, total: int) -> Iterable[Any]:
    return items


@contextmanager
def stage(progress: Progress, title: str) -> Iterator[None]:
    """The block as one step of `progress`, which may raise before it begins."""
    steps = iter(progress([None], title, 1))
    next(steps)
    yield
    next(steps, None)
