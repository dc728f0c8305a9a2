"""Work on a text that is not finished: without the lines that have errors, those that only a check finds included."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from workbench.errors import Where, WorkbenchError
from workbench.session import Session
from workbench.ui.sound import lines_of, sound_copy
from workbench.ui.verdicts import Signature

if TYPE_CHECKING:
    from workbench.ui.workspace import Workspace


class Unfinished:
    """The errors that checks found in the lines of a workspace (a tie that does not exist, weights that do not fit).

    Each is of a line as it stood then: a line that says something else by now has none.
    """

    def __init__(self, space: Workspace) -> None:
        self._space = space
        self._found: dict[int, tuple[Signature, WorkbenchError]] = {}  # by entry

    def clear(self) -> None:
        self._found.clear()

    @property
    def errors(self) -> list[WorkbenchError]:
        return [error for entry, (_, error) in self._found.items() if self._has(entry)]

    def attempt(self, work: Callable[[Session], Any]) -> Any:
        """Let `work` run on the sound lines. Errors that it meets are told at their lines, which are then left out too.

        Raises the errors that have no line.
        """
        while True:
            try:
                return work(self.session())
            except WorkbenchError as problem:
                if not self._note(getattr(problem, "errors", [problem])):
                    raise

    def session(self) -> Session:
        """The session as it is now, without the lines that have errors or read one that has."""
        space = self._space
        with space.lock:
            session = copy.copy(space.session)
            session.document = sound_copy(space.document, space.graph, space.problems)
            return session

    def _note(self, errors: list[WorkbenchError]) -> bool:
        """Whether one of these errors is news."""
        space, news = self._space, False
        with space.lock:
            lines = {line: e.id for e in space.document.entries for line in lines_of(e)}
            for error in errors:
                entry = lines.get(error.where.line) if isinstance(error.where, Where) else None
                if entry in space.signs and not self._has(entry):
                    self._found[entry] = (space.signs[entry], error)
                    news = True
            space.checked += 1
        return news

    def _has(self, entry: int) -> bool:
        return entry in self._found and self._found[entry][0] == self._space.signs.get(entry)
