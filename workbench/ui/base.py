"""What every widget of the workbench shares: its script and style, a lock, errors shown in place, a static form."""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

import anywidget
import traitlets

from workbench.errors import WorkbenchError
from workbench.ui.link import link

HERE = Path(__file__).parent


class View(anywidget.AnyWidget):
    """A widget whose script is `SCRIPT` and whose styles are theme.css and `STYLES`, all beside this file.

    The browser's messages {"do": name, ...} call the method `do_name(...)`. They, and trait handlers set by `react`,
    run one at a time, on whatever thread the message came; what they raise is shown in the widget. Views that share
    state share the `lock`.
    """

    SCRIPT = ""
    STYLES: tuple[str, ...] = ()

    error = traitlets.Unicode().tag(sync=True)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        if "SCRIPT" in cls.__dict__:  # anywidget makes a subclass for every widget
            cls._esm = link(HERE / cls.SCRIPT)
            cls._css = "\n".join((HERE / name).read_text("utf-8") for name in ("theme.css", *cls.STYLES))
        super().__init_subclass__(**kwargs)

    def __init__(self, *, lock: Any = None, **traits: Any) -> None:
        self.lock = lock or threading.RLock()
        super().__init__(**traits)
        self.on_msg(self._receive)

    def set_state(self, sync_data: dict[str, Any]) -> None:
        """What the browser sets, one message at a time: on a subshell's thread it may come while a cell runs."""
        with self.lock:
            super().set_state(sync_data)

    def telling(self) -> Telling:
        """A `with` block whose errors are shown in the widget; see Telling."""
        return Telling(self)

    def react(self, handler: Callable[[], object], *names: str) -> None:
        """Call `handler` when one of these traits changes, from the browser or from Python."""

        def changed(_: object) -> None:
            with self.lock, self.telling():
                handler()

        self.observe(changed, names)

    def _receive(self, _: object, content: dict[str, Any], buffers: list[Any]) -> None:
        given = dict(content)
        with self.lock, self.telling():
            method = getattr(self, f"do_{given.pop('do', '')}", None)
            if method is None:
                raise WorkbenchError(f"the browser asks for what this widget does not know: {content}")
            method(**given)

    # ---- the static form, which stands where no kernel runs: on a web page, in an untrusted or exported notebook

    def static_html(self) -> str:
        """What the widget shows, as HTML without scripts; every text in it escaped."""
        return ""

    def static_png(self) -> bytes:
        """What the widget shows, as a picture; empty where HTML says it all."""
        return b""

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is None:
            return None
        data, meta = bundle
        page, picture = self.static_html(), self.static_png()
        if page:
            data = {**data, "text/html": page}
        if picture:
            data = {**data, "image/png": base64.b64encode(picture).decode()}
        return data, meta

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class Telling:
    """Shows in `view.error` what its block raises: a WorkbenchError ends there, anything else goes on to the log."""

    def __init__(self, view: Any) -> None:
        self.view = view

    def __enter__(self) -> None:
        """The error stays until it is dismissed, or a command that mends it clears it."""

    def __exit__(self, kind: type[BaseException] | None, raised: BaseException | None, _: TracebackType | None) -> bool:
        if isinstance(raised, WorkbenchError):
            self.view.error = str(raised)
        elif raised is not None:
            fault = "this is a fault of the workbench, not of the config"
            self.view.error = f"{type(raised).__name__}: {raised}\n  note: {fault}"
        return isinstance(raised, WorkbenchError)
