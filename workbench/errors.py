"""Errors that say where, what was expected, what was got, and the fix."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Where(NamedTuple):
    """A place in a text file; line and column count from 1, 0 means the whole file or line."""

    file: str
    line: int = 0
    col: int = 0

    def __str__(self) -> str:
        return self.file + "".join(f":{n}" for n in (self.line, self.col) if n)


class WorkbenchError(Exception):
    """One problem: `where` (file:line, or empty), `problem` (expected and got), `note` (how to mend it)."""

    def __init__(self, problem: str, where: Where | str = "", note: str = "") -> None:
        super().__init__(problem, where, note)
        self.problem, self.where, self.note = problem, where, note

    def at(self, where: Where | str, subject: str = "") -> WorkbenchError:
        """The same problem with a place and, before the text, the thing it is about."""
        return type(self)(f"{subject}: {self.problem}" if subject else self.problem, self.where or where, self.note)

    def __str__(self) -> str:
        head = f"{self.where} {self.problem}" if self.where else self.problem
        return f"{head}\n  note: {self.note}" if self.note else head


class WorkbenchErrors(WorkbenchError):
    """Several problems told together; `errors` holds each."""

    def __init__(self, errors: Iterable[WorkbenchError]) -> None:
        self.errors = list(errors)
        super().__init__("\n".join(map(str, self.errors)))


class Problems:
    """Collects errors and warnings so that a file's problems are told all at once."""

    def __init__(self) -> None:
        self.errors: list[WorkbenchError] = []
        self.warnings: list[WorkbenchError] = []

    def error(self, problem: str, where: Where | str = "", note: str = "") -> None:
        self.errors.append(WorkbenchError(problem, where, note))

    def add(self, error: WorkbenchError) -> None:
        """Take in a raised error; each one of several."""
        self.errors += error.errors if isinstance(error, WorkbenchErrors) else [error]

    def warn(self, problem: str, where: Where | str = "", note: str = "") -> None:
        self.warnings.append(WorkbenchError(problem, where, note))

    def raise_errors(self) -> None:
        if len(self.errors) == 1:
            raise self.errors[0]
        if self.errors:
            raise WorkbenchErrors(self.errors)
