"""A view whose pictures go to the browser as binary messages, never more than one ahead of what the browser has drawn.

Pictures are messages and not traits: they are in no saved notebook, and a trait that does not change says nothing.
"""

from __future__ import annotations

import time
from typing import Any

from workbench.ui.base import View

PATIENCE = 3.0  # seconds after which a picture that nobody acknowledged is taken for lost: its page was closed
Message = tuple[dict[str, Any], list[bytes]]


class FrameView(View):
    """Subclasses give `frame()`; `push()` shows it as soon as the browser has drawn the one before.

    `sequence` numbers what was sent, `drawn` what a browser said it has drawn.
    """

    def __init__(self, **traits: Any) -> None:
        self.sequence = self.drawn = 0
        self.pixels = 0  # the canvas's longer side in device pixels; 0 until a browser shows the view
        self._stale = False
        self._sent = 0.0
        super().__init__(**traits)

    def frame(self) -> Message:
        """The picture of the present state: what to say of it, and its buffers."""
        raise NotImplementedError

    def push(self) -> None:
        """Have the browser show the present state. Called while the browser is busy, only the last call counts."""
        self._stale = True
        waiting = self.drawn < self.sequence and time.monotonic() - self._sent < PATIENCE
        if self.pixels and not waiting:
            self._stale = False
            content, buffers = self.frame()
            self.sequence += 1
            self._sent = time.monotonic()
            self.send({**content, "kind": "frame", "sequence": self.sequence}, buffers)

    def do_hello(self, pixels: int) -> None:
        """A browser shows the view on canvases of so many device pixels."""
        self.pixels = max(1, min(int(pixels), 4096))
        self.drawn = self.sequence
        self.push()

    def do_drawn(self, sequence: int) -> None:
        """A browser has drawn that picture."""
        self.drawn = max(self.drawn, int(sequence))
        if self._stale and self.drawn >= self.sequence:
            self.push()

    def send_file(self, name: str, content: bytes, media: str) -> None:
        """Have the browser save a file."""
        self.send({"kind": "file", "name": name, "media": media}, [content])
