"""Unsaved text kept on disk, so that a closed browser, a restarted kernel or a crash loses none of it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from workbench.atomic import write_text

DELAY = 0.4  # seconds after the last edit


def draft_path(file: str) -> Path:
    """`x.cfg` → `x.cfg.draft` beside it, or in the working folder (the notebook's) where that cannot be written."""
    path = Path(file)
    if file.startswith("<"):
        return Path("untitled.cfg.draft")
    beside = path.with_name(path.name + ".draft")
    return beside if os.access(path.parent, os.W_OK) else Path(beside.name)


class Draft:
    """The draft of one config. `keep` writes soon, `drop` removes it: after a save, or when nothing is unsaved.

    `telling()` is entered where it is written, for errors such as a full disk.
    """

    def __init__(self, file: str, telling: Callable[[], AbstractContextManager[Any]]) -> None:
        self.path, self._telling = draft_path(file), telling
        self._lock = threading.Lock()
        self._text: str | None = None
        self._timer: threading.Timer | None = None

    def found(self) -> str | None:
        """The text of a draft that an earlier session left; None where there is none."""
        try:
            return self.path.read_bytes().decode("utf-8")
        except (OSError, UnicodeDecodeError):
            return None

    def keep(self, text: str) -> None:
        with self._lock:
            self._text = text
            if self._timer is None:
                self._timer = threading.Timer(DELAY, self.flush)
                self._timer.daemon = True
                self._timer.start()

    def flush(self) -> None:
        """Write now what waits."""
        with self._telling(), self._lock:
            self._timer = None
            if self._text is not None:
                write_text(self.path, self._text)
                self._text = None

    def drop(self) -> None:
        with self._lock:
            self._text = None
            self.path.unlink(missing_ok=True)
