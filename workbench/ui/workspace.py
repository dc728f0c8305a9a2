"""What all widgets of one session share: the text and its edits, the verdicts, and the one thread of long work."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import traitlets

from workbench.config.document import Document
from workbench.diagnose.result import Finding
from workbench.errors import WorkbenchError
from workbench.graph import Graph, Node
from workbench.progress import Progress
from workbench.session import Session
from workbench.ui import modules
from workbench.ui.autosave import Draft
from workbench.ui.base import Telling
from workbench.ui.checking import Checking
from workbench.ui.config_file import ConfigFile
from workbench.ui.rows import count_verdicts
from workbench.ui.sound import line_span
from workbench.ui.unfinished import Unfinished
from workbench.ui.verdicts import Verdicts, signatures
from workbench.ui.worker import Busy, Worker


class Workspace(traitlets.HasTraits):
    """A session with what its widgets need beside it. All of it may be used from any thread.

    version, checked    count changes of the text, and of verdicts
    traced              whether the original has been read: then `modules`, ties and coverage are known
    covered             the entry of the line that covers each of the original's modules
    diagnosis           what the last diagnosis found; None where the text has changed since
    busy                what the worker does
    error               the last problem that was told to nobody else
    """

    version = traitlets.Int(0)
    checked = traitlets.Int(0)
    traced = traitlets.Bool(False)
    covered = traitlets.Dict()
    diagnosis = traitlets.Any(None, allow_none=True)
    busy = traitlets.Any(Busy())
    error = traitlets.Unicode()

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session, self.lock = session, threading.RLock()
        self.verdicts = Verdicts()
        self.worker = Worker(self._report, self.telling)
        self._file = ConfigFile(session.document, self.telling)
        self._unfinished = Unfinished(self)
        self._checking = Checking(self, self._unfinished)
        self._group = ""
        self._reparse()
        if (report := session.last_report) is not None:
            self._checking.take(report.lines)

    def telling(self) -> Telling:
        return Telling(self)

    def _report(self, busy: Busy) -> None:
        with self.lock:
            self.busy = busy

    # ---- the text

    @property
    def document(self) -> Document:
        return self.session.document

    @property
    def graph(self) -> Graph:
        return self.parsed.graph

    @property
    def problems(self) -> list[WorkbenchError]:
        """What is wrong with the text, and what checks found wrong with lines that still say the same."""
        with self.lock:
            return [*self.parsed.errors, *self._unfinished.errors]

    def edit(self, line: int, before: str, after: str, group: str = "") -> None:
        """Put `after` in the place of `before`, which begins a line (counted from 1); edits of one group, such as the
        letters typed in a line, undo as one.

        Raises WorkbenchError where the text there is another by now.
        """
        with self.lock:
            text = self.document.text
            start, _ = line_span(text, line)
            if text[start : start + len(before)] != before:
                raise WorkbenchError(
                    "the text was changed elsewhere at the same time", self.file, "write the line again"
                )
            wanted = text[:start] + after + text[start + len(before) :]
            if group and group == self._group:
                self.document.undo()
            self.document.replace_text(wanted)
            self._group = group
            self._changed()

    def undo(self) -> None:
        self._step(self.document.undo)

    def redo(self) -> None:
        self._step(self.document.redo)

    def _step(self, step: Callable[[], bool]) -> None:
        with self.lock:
            self._group = ""
            if step():
                self._changed()

    def apply(self, finding: Finding) -> None:
        """Make a finding's edit, then check again what it changes, and all that comes after."""
        with self.lock:
            self._group = ""
            self.session.apply(finding)
            self._changed()
        self.check()

    def set_engine(self, engine: str, precision: str) -> None:
        """Check with another engine; every verdict is for one engine."""
        with self.lock:
            self.session.engine, self.session.precision = engine, precision
            self.verdicts.clear()
            self._unfinished.clear()
            self._changed()

    def set_params(self, params: dict[str, str]) -> None:
        """Read the config with other $NAMEs."""
        with self.lock:
            self.session.params = params
            self._changed()

    def _changed(self) -> None:
        self._reparse()
        self.error = ""
        if self.diagnosis is not None and self._checking.outdated(self.diagnosis):
            self.diagnosis = None
        self._file.note(self.document.text)
        self.version += 1
        if self.traced:
            self.worker.quick("recheck", self._recheck)

    def _reparse(self) -> None:
        self.parsed = self.session.parse(original=self.traced)
        self.signs = signatures(self.parsed.graph)

    # ---- the file

    @property
    def file(self) -> str:
        return self._file.path

    @property
    def draft(self) -> Draft:
        return self._file.draft

    @property
    def saved_text(self) -> str:
        return self._file.text

    @property
    def unsaved(self) -> bool:
        return self.document.text != self._file.text

    def save(self, path: str = "", force: bool = False) -> None:
        """Write the config's file, atomically.

        Raises WorkbenchError where the config has no file yet, or the file was changed by another program (`force`
        writes all the same).
        """
        with self.lock:
            self._file.save(self.document, path, force)
            self._reparse()  # errors name the file
            self.version += 1

    def restore(self) -> None:
        """Take the draft that an earlier session left; one edit, which undo takes back."""
        with self.lock:
            text = self.draft.found()
            if text is None:
                raise WorkbenchError("the draft is not there any more", str(self.draft.path))
            self._group = ""
            self.document.replace_text(text)
            self._changed()

    # ---- the verdicts

    def counts(self) -> dict[str, Any]:
        """How many lines have each verdict, how many are wrong as text, and the largest cumulative error."""
        with self.lock:
            return count_verdicts(self.graph, self.signs, self.verdicts, self.problems)

    def line_tensors(self, entry: int) -> tuple[Node, np.ndarray, np.ndarray] | None:
        """The line's node, the original's tensor and the engine's, fed with the original's own; None without a tie."""
        return self._checking.line_tensors(entry)

    def sound_session(self) -> Session:
        """The session as it is now, without the lines that have errors or read one that has."""
        return self._unfinished.session()

    # ---- long work

    def start(self) -> None:
        """Read the original: its modules, and what can be tied to."""
        self.worker.submit("reading the original", self._trace)

    def check(self, upto: int | None = None) -> None:
        """Check every line that can be read, or those up to an entry; then look for the cause of the first failure."""
        self.worker.cancel()
        self.error = ""
        if not self.traced:
            self.start()  # what was just cancelled
        self.worker.submit("checking", lambda progress: self._checking.check(progress, upto))
        if upto is None:
            self.diagnose()

    def diagnose(self) -> None:
        self.worker.submit("diagnosing", self._checking.diagnose)

    def _trace(self, _: Progress) -> None:
        original = self.session.original
        rows, names, order = modules.module_rows(original), modules.tie_names(original), modules.order_of(original)
        with self.lock:
            self.module_rows, self.tie_names, self.order = rows, names, order
            self.traced = True
            self._reparse()
        self._cover()

    def _recheck(self, _: Progress) -> None:
        self._checking.recheck()
        if not self.worker.overtaken("recheck"):
            self._cover()

    def _cover(self) -> None:
        with self.lock:
            graph, version = self.graph, self.version
        covered = modules.coverage(self.session.original, graph)
        with self.lock:
            if version == self.version:
                self.covered = covered
