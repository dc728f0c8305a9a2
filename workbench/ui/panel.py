"""A view with one long job: its stages as they come, how long each took, cancelled between them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import traitlets

from workbench.progress import Progress
from workbench.ui.base import View
from workbench.ui.worker import Cancelled
from workbench.ui.workspace import Workspace

TOLD = 0.1  # seconds between two messages on how far a stage is


class Panel(View):
    """state     idle, waiting (others' work comes first), running, done, cancelled or failed
    stages    [name, state, what was seen, seconds], in order
    at        how far the stage that runs is: [done, total]
    stopping  why a cancelled job still runs; empty where it does not
    """

    HOLDS: dict[str, str] = {}  # what cannot be interrupted, by stage

    state = traitlets.Enum(("idle", "waiting", "running", "done", "cancelled", "failed"), "idle").tag(sync=True)
    stages: Any = traitlets.List().tag(sync=True)
    at: Any = traitlets.List().tag(sync=True)
    stopping = traitlets.Unicode().tag(sync=True)

    def __init__(self, workspace: Workspace, **traits: Any) -> None:
        self.workspace = workspace
        self._began = 0.0
        super().__init__(lock=workspace.lock, **traits)
        workspace.observe(lambda _: self._drop(), "busy")

    def start(self, title: str, stages: Iterable[str], job: Callable[[Progress], object]) -> None:
        """Have the worker do the job; the first one's result stays where another is asked for meanwhile."""
        with self.lock:
            if self.state in ("waiting", "running"):
                return
            self.error = self.stopping = ""
            self.stages, self.at = [[name, "unchecked", "", None] for name in stages], []
            self.state = "waiting"
        self.workspace.worker.submit(title, lambda progress: self._run(job, progress))

    def do_cancel(self) -> None:
        """End the job at its next step."""
        if self.state not in ("waiting", "running"):
            return
        running = next((name for name, state, *_ in self.stages if state == "running"), "")
        self.stopping = self.HOLDS.get(running, "ends after this step") if self.state == "running" else ""
        self.workspace.worker.cancel()

    def saw(self, stage: str, text: str) -> None:
        """What is to be read beside a stage."""
        with self.lock:
            self.stages = [[n, s, text if n == stage else t, ms] for n, s, t, ms in self.stages]

    def _run(self, job: Callable[[Progress], object], progress: Progress) -> None:
        with self.lock:
            self.state = "running"
        ended = "failed"
        try:
            with self.telling():
                try:
                    job(self._following(progress))
                    ended = "done"
                except Cancelled:
                    ended = "cancelled"
        finally:
            with self.lock, self.hold_sync():
                mark = {"failed": "failed", "cancelled": "stale"}.get(ended, "passed")
                self._leave(mark)
                self.state, self.at, self.stopping = ended, [], ""

    def _following(self, progress: Progress) -> Progress:
        def follow(items: Iterable[Any], title: str, total: int) -> Iterator[Any]:
            told = 0.0
            for done, item in enumerate(progress(items, title, total)):
                if done == 0:  # not before: where the job was cancelled, nothing comes
                    self._enter(title)
                if total > 1 and time.monotonic() - told > TOLD:
                    told, self.at = time.monotonic(), [min(done, total), total]
                yield item
            self._leave("passed")

        return follow

    def _enter(self, title: str) -> None:
        with self.lock, self.hold_sync():
            row = [title, "running", "", None]
            known = any(name == title for name, *_ in self.stages)
            self.stages = [row if s[0] == title else s for s in self.stages] if known else [*self.stages, row]
            self.at, self._began = [], time.perf_counter()

    def _leave(self, state: str) -> None:
        seconds = time.perf_counter() - self._began
        with self.lock:
            self.stages = [[n, state, t, seconds] if s == "running" else [n, s, t, ms] for n, s, t, ms in self.stages]

    def _drop(self) -> None:
        """A job that waited is gone when the worker has nothing left: other work was begun in its place."""
        with self.lock:
            if self.state == "waiting" and not self.workspace.busy.title:
                self.state = "cancelled"
