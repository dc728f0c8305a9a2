"""The config's file as it was read or saved last, with the draft of what is not saved yet."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from workbench.config.document import Document
from workbench.errors import WorkbenchError
from workbench.ui.autosave import Draft


class ConfigFile:
    """path   the file's, or "<...>" where the config has none yet
    text   what it held when it was read or saved last
    draft  the unsaved text beside it
    """

    def __init__(self, document: Document, telling: Callable[[], AbstractContextManager[Any]]) -> None:
        self._telling = telling
        self._take(document.file, _text_of(document))

    def _take(self, path: str, text: str) -> None:
        self.path, self.text, self._digest = path, text, _digest(path)
        self.draft = Draft(path, self._telling)

    @property
    def named(self) -> bool:
        return not self.path.startswith("<")

    def note(self, text: str) -> None:
        """Keep a draft of the text while it differs from the file's."""
        if text != self.text:
            self.draft.keep(text)
        else:
            self.draft.drop()

    def save(self, document: Document, path: str = "", force: bool = False) -> None:
        """Write the document, atomically, here or under another name, which is the file's from then on.

        Raises WorkbenchError where there is no name, or another program has changed or made the file; `force` writes
        all the same.
        """
        target = path or self.path
        if target.startswith("<"):
            raise WorkbenchError("this config has no file yet", note="give a name to save it under")
        if not force and _digest(target) != (self._digest if target == self.path else None):
            raise WorkbenchError(
                "the file is not as it was read: another program has changed or made it",
                target,
                "save over it, or save under another name",
            )
        document.save(target)
        document.file = target
        self.draft.drop()
        self._take(target, document.text)


def _text_of(document: Document) -> str:
    """The file's text; the document's own where there is no file."""
    try:
        return Document.read(document.file).text
    except WorkbenchError:
        return document.text


def _digest(file: str) -> bytes | None:
    """What tells whether a file's content has changed; None where there is none."""
    try:
        return hashlib.sha256(Path(file).read_bytes()).digest()
    except OSError:
        return None
