"""What all widgets of one session share: the text and its edits, the verdicts, and the one thread of long work."""

from __future__ import annotations

import copy
import hashlib
import math
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import traitlets

from workbench import shapes
from workbench.compare.result import LineResult
from workbench.config.document import Document
from workbench.config.parse import Parsed, parse_partial
from workbench.diagnose.result import Diagnosis, Finding
from workbench.errors import Where, WorkbenchError
from workbench.graph import Graph, Node
from workbench.session import Session
from workbench.ui import modules
from workbench.ui.autosave import Draft
from workbench.ui.base import Telling
from workbench.ui.rows import judges_of
from workbench.ui.sound import line_span, lines_of, sound_copy, wrong_lines
from workbench.ui.verdicts import Signature, Verdicts, signatures
from workbench.ui.worker import Busy, Progress, Worker


class Reached(Exception):
    """The line to which a check was to run has its verdict."""


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
        self.file = session.document.file
        self.draft = Draft(self.file, self.telling)
        self._saved, self._disk = _text_of(self.file, session.document), _digest(self.file)
        self._late: dict[int, tuple[Signature | None, WorkbenchError]] = {}  # by entry; what only a check finds
        self._group = ""
        self._diagnosed: tuple[Any, ...] = ()
        self._reparse()
        if (report := session.last_report) is not None:
            self._take(report.lines)

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
    def unsaved(self) -> bool:
        return self.document.text != self._saved

    @property
    def saved_text(self) -> str:
        return self._saved

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
            self._late.clear()
            self._changed()

    def set_params(self, params: dict[str, str]) -> None:
        """Read the config with other $NAMEs."""
        with self.lock:
            self.session.params = params
            self._changed()

    def _changed(self) -> None:
        self._reparse()
        self.error = ""
        if self.diagnosis is not None and self._place_of(self.diagnosis) != self._diagnosed:
            self.diagnosis = None
        if self.unsaved:
            self.draft.keep(self.document.text)
        else:
            self.draft.drop()
        self.version += 1
        if self.traced:
            self.worker.quick("recheck", self._recheck)

    def _reparse(self) -> None:
        self.parsed = self.session.parse() if self.traced else _light(self.session)
        self.signs = signatures(self.parsed.graph)

    @property
    def graph(self) -> Graph:
        return self.parsed.graph

    @property
    def problems(self) -> list[WorkbenchError]:
        """What is wrong with the text, and what checks found wrong with lines that still say the same."""
        with self.lock:
            late = [e for entry, (sign, e) in self._late.items() if sign == self.signs.get(entry, False)]
            return [*self.parsed.errors, *late]

    def counts(self) -> dict[str, Any]:
        """How many lines have each verdict, how many are wrong as text, and the largest cumulative error."""
        with self.lock:
            judged = judges_of(self.graph)
            lines = [n for n in self.graph.body if n.index not in judged]
            results = [(n, self.verdicts.of(n, self.signs.get(n.entry))) for n in lines]
            found: dict[str, Any] = Counter(result.status.name.lower() for _, result in results)
            found["text"] = len(wrong_lines(self.problems))
            far = [(r.cumulative, n.where.line) for n, r in results if math.isfinite(r.cumulative)]
            found["worst"], found["worstLine"] = max(far, default=(0.0, 0))
            return dict(found)

    # ---- the file

    def save(self, path: str = "", force: bool = False) -> None:
        """Write the config's file, atomically.

        Raises WorkbenchError where the config has no file yet, or the file was changed by another program (`force`
        writes all the same).
        """
        with self.lock:
            target = path or self.file
            if target.startswith("<"):
                raise WorkbenchError("this config has no file yet", note="give a name to save it under")
            if not force and _digest(target) != (self._disk if target == self.file else None):
                raise WorkbenchError("the file is not as it was read: another program has changed or made it", target,
                                     "save over it, or save under another name")  # fmt: skip
            self.document.save(target)
            self.draft.drop()
            if target != self.file:
                self.file = self.document.file = target
                self.draft = Draft(target, self.telling)
                self._reparse()
            self._saved, self._disk = self.document.text, _digest(target)
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

    # ---- long work

    def start(self) -> None:
        """Read the original: its modules, and what can be tied to."""
        self.worker.submit("reading the original", self._trace)

    def _trace(self, progress: Progress) -> None:
        original = self.session.original
        rows, names, order = modules.module_rows(original), modules.tie_names(original), modules.order_of(original)
        with self.lock:
            self.module_rows, self.tie_names, self.order = rows, names, order
            self.traced = True
            self._reparse()
        self._cover()

    def _cover(self) -> None:
        with self.lock:
            graph, version = self.graph, self.version
        covered = modules.coverage(self.session.original, graph)
        with self.lock:
            if version == self.version:
                self.covered = covered

    def check(self, upto: int | None = None) -> None:
        """Check every line that can be read, or those up to an entry; then look for the cause of the first failure."""
        self.worker.cancel()
        self.error = ""
        self.worker.submit("checking", lambda progress: self._check(progress, upto))
        if upto is None:
            self.diagnose()

    def _check(self, progress: Progress, upto: int | None) -> None:
        def follow(items: Iterable[Any], title: str, total: int) -> Iterator[Any]:
            for item in progress(items, title, total):
                if isinstance(item, LineResult):
                    self._take([item], signs)
                yield item
                if isinstance(item, LineResult) and item.node.entry == upto:
                    raise Reached

        with self.lock:
            signs, whole = self.signs, not self.problems
        try:
            report = self._attempt(lambda session: session.check(follow))
        except Reached:
            return
        if whole:
            self.session.last_report = report

    def diagnose(self) -> None:
        self.worker.submit("diagnosing", self._diagnose)

    def _diagnose(self, progress: Progress) -> None:
        found: Diagnosis = self._attempt(lambda session: session.diagnose(progress))
        with self.lock:
            self._diagnosed = self._place_of(found)
            self.diagnosis = found

    def _place_of(self, found: Diagnosis) -> tuple[Any, ...]:
        """The wrong line and all that its verdict depends on; for a clean diagnosis, the whole text."""
        if found.where is None:
            return (self.document.text,)
        entry = next((e.id for e in self.document.entries if e.line == found.where.line), -1)
        return entry, self.signs.get(entry)

    def _recheck(self, progress: Progress) -> None:
        """After an edit: the isolated verdict of each line that it changes, and no other."""
        with self.lock:
            signs = self.signs
            wanted = [n for n in self.graph.body if n.entry in signs and not self.verdicts.known(signs[n.entry])]
        for node in wanted:
            if self.worker.overtaken("recheck"):
                return
            self._check_one(node, signs)
        self._cover()

    def _check_one(self, node: Node, signs: dict[int, Signature]) -> None:
        def alone(session: Session) -> LineResult | None:
            graph = session.graph()
            same = next((n for n in graph.body if n.entry == node.entry), None)
            return None if same is None or not same.tie else session.check_line(same.index, graph)

        result = self._attempt(alone)
        if result is not None:
            self._take([result], signs, chained=False)

    def _take(
        self, results: Iterable[LineResult], signs: dict[int, Signature] | None = None, chained: bool = True
    ) -> None:
        with self.lock:
            signs = signs or self.signs
            for result in results:
                sign = signs.get(result.node.entry)
                if sign is not None and not result.judged_by and result.node.tie:
                    self.verdicts.add(sign, result, chained)
            self.checked += 1

    def line_tensors(self, entry: int) -> tuple[Node, np.ndarray, np.ndarray] | None:
        """The line's node, the original's tensor and the engine's, fed with the original's own; None without a tie."""

        def tensors(session: Session) -> tuple[Node, np.ndarray, np.ndarray] | None:
            graph = session.graph()
            node = next((n for n in graph.body if n.entry == entry and n.tie), None)
            if node is None:
                return None
            want, got = session.line_tensors(node.index, graph)
            name = next(t for t in node.outputs if t in want)
            return node, want[name], got[name]

        return self._attempt(tensors)

    # ---- what can be checked of a text that is not finished

    def _attempt(self, work: Callable[[Session], Any]) -> Any:
        """Let `work` run on a copy of the session without the lines that have errors.

        Errors that it meets (a tie that does not exist, weights that do not fit) are told at their lines, which are
        then left out too. Raises the errors that have no line.
        """
        while True:
            try:
                return work(self.sound_session())
            except WorkbenchError as problem:
                if not self._note_late(getattr(problem, "errors", [problem])):
                    raise

    def _note_late(self, errors: list[WorkbenchError]) -> bool:
        with self.lock:
            lines = {line: e.id for e in self.document.entries for line in lines_of(e)}
            news = False
            for error in errors:
                entry = lines.get(error.where.line) if isinstance(error.where, Where) else None
                if entry is not None and not self._is_late(entry):
                    self._late[entry] = (self.signs.get(entry), error)
                    news = True
            self.checked += 1
            return news

    def _is_late(self, entry: int) -> bool:
        return entry in self._late and self._late[entry][0] == self.signs.get(entry)

    def sound_session(self) -> Session:
        """The session as it is now, without the lines that have errors or read one that has."""
        with self.lock:
            session = copy.copy(self.session)
            session.document = sound_copy(self.document, self.graph, self.problems)
            return session


def _light(session: Session) -> Parsed:
    """As session.parse, without reading the original for lines that have no tie."""
    parsed = parse_partial(session.document, session.params)
    try:
        shapes.infer(parsed.graph)
    except WorkbenchError as problem:
        parsed.errors += getattr(problem, "errors", [problem])
    return parsed


def _text_of(file: str, document: Document) -> str:
    """The file's text; the document's own where there is no file."""
    try:
        return Document.read(file).text
    except WorkbenchError:
        return document.text


def _digest(file: str) -> bytes | None:
    """What tells whether a file's content has changed; None where there is none."""
    try:
        return hashlib.sha256(Path(file).read_bytes()).digest()
    except OSError:
        return None
