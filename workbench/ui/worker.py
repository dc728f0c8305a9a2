"""The one thread of a widget's long work: jobs in turn, cancelled between steps; what must be quick goes in between."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

from workbench.progress import Progress

Job = Callable[[Progress], object]


class Cancelled(Exception):
    """Raised inside a job at its next step."""


class Busy(NamedTuple):
    """What runs, and how far it is; an empty title means nothing does."""

    title: str = ""
    done: int = 0
    total: int = 0


class Worker:
    """`report(busy)` is told of every step, on the worker's thread; `telling()` is entered around each job, for errors.

    The thread lives only as long as there is work.
    """

    def __init__(self, report: Callable[[Busy], object], telling: Callable[[], AbstractContextManager[Any]]) -> None:
        self._report, self._telling = report, telling
        self._lock = threading.Lock()
        self._jobs: deque[tuple[str, Job]] = deque()
        self._quick: dict[str, Job] = {}
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def submit(self, title: str, job: Job) -> None:
        """Queue a job; a waiting one of the same title gives way to it."""
        with self._lock:
            self._jobs = deque(waiting for waiting in self._jobs if waiting[0] != title)
            self._jobs.append((title, job))
            self._start()

    def quick(self, title: str, job: Job) -> None:
        """Run a short job before others and between the steps of the one that runs; it replaces a waiting one."""
        with self._lock:
            self._quick[title] = job
            self._start()

    def cancel(self) -> None:
        """Drop what waits, and end what runs at its next step."""
        with self._lock:
            self._jobs.clear()
            self._quick.clear()
            self._stop.set()

    def overtaken(self, title: str) -> bool:
        """Whether a newer quick job of this title waits: the one that runs should end."""
        return title in self._quick

    def wait(self, seconds: float | None = None) -> None:
        """Until nothing is left to do."""
        if (thread := self._thread) is not None:
            thread.join(seconds)

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="workbench", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        sound = False
        try:
            self._work()
            sound = True
        finally:
            if not sound:  # a fault of ours, which goes on to the log: what waits gets another thread
                self._begin_anew()

    def _begin_anew(self) -> None:
        self._report(Busy())
        with self._lock:
            self._thread = None
            if self._jobs or self._quick:
                self._start()

    def _work(self) -> None:
        while True:
            self._run_quick()
            with self._lock:
                if self._quick:
                    continue
                title, job = self._jobs.popleft() if self._jobs else ("", None)
                self._stop.clear()
            self._report(Busy(title))  # without the lock: who is told may hold one that a caller of ours waits with
            if job is not None:
                self._do(job)
            elif self._ended():
                return

    def _ended(self) -> bool:
        """Whether nothing came while idleness was told: then the thread ends."""
        with self._lock:
            if self._jobs or self._quick:
                return False
            self._thread = None
            return True

    def _run_quick(self) -> None:
        while self._quick:
            with self._lock:
                job = self._quick.pop(next(iter(self._quick), ""), None)
            if job is not None:
                self._do(job)

    def _do(self, job: Job) -> None:
        with self._telling():
            try:
                job(self._progress)
            except Cancelled:
                return

    def _progress(self, items: Iterable[Any], title: str, total: int) -> Iterator[Any]:
        self._report(Busy(title, 0, total))
        for done, item in enumerate(items, 1):
            if self._stop.is_set():
                raise Cancelled
            self._run_quick()
            self._report(Busy(title, done, total))
            yield item
