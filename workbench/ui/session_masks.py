"""What the port of a session makes of a picture, in the mask view: alone, and as a view of the workbench."""

from __future__ import annotations

import math
from typing import Any

from workbench.ports import get_port
from workbench.ports.common.pictures import Picture
from workbench.progress import Progress
from workbench.session import Session
from workbench.session.results import both_results
from workbench.ui.fallback import results
from workbench.ui.mask_view import MaskView
from workbench.ui.worker import Cancelled
from workbench.ui.workspace import Workspace

MOST = 1e9  # stands for an infinite error, for which JSON has no number


def class_names(session: Session) -> tuple[str, ...]:
    """Of what its port finds in a picture; none where there is no port, or its results lie over no picture."""
    return get_port(session.made_by[0]).labels if session.made_by else ()


def error_path(space: Workspace) -> list[list[Any]]:
    """[line, cumulative error, what is allowed, verdict] of every line that was checked, for MaskView.path."""
    return [
        [node.where.line, min(result.cumulative, MOST), result.cumulative_tolerance, result.status.name.lower()]
        for node, result in results(space)
        if math.isfinite(result.cumulative_tolerance) and not math.isnan(result.cumulative)
    ]


def mask_view_of(session: Session, picture: Picture | None = None, **traits: Any) -> MaskView:
    """A picture's results, the original's and the engine's; see workbench.session.results. Raises WorkbenchError."""
    found = both_results(session, picture)
    engine = f"{session.engine} {session.precision}"
    title = session.made_by[0] if session.made_by else ""
    return MaskView(*found, names=class_names(session), **{"title": title, "engine_name": engine, **traits})


class SessionMasks(MaskView):
    """SessionMasks(Workspace(session)): `refresh()` runs the port on its sample where the text or engine changed."""

    def __init__(self, space: Workspace) -> None:
        self._space = space
        self._shown: tuple[Any, ...] | None = None
        super().__init__(lock=space.lock, title="the port's sample has not been run yet")
        space.observe(lambda _: self._trace_path() if self.pixels else None, "busy")

    def _trace_path(self) -> None:
        """The path as of now, where the worker rests: every line of a check would send it anew."""
        if not self._space.busy.title:
            self.path = error_path(self._space)

    def refresh(self) -> None:
        """Show the results of the text as it stands, as soon as the worker has them; those of before till then."""
        space = self._space
        session = space.session
        self._trace_path()
        key = (space.document.text, session.engine, session.precision, tuple(sorted(session.params.items())))
        if key == self._shown:
            self.caption = ""
            return
        if space.problems:
            self.caption = "the text has errors: these are the results of before"
            return
        self._shown, whole = key, space.sound_session()
        space.worker.submit("running on the picture", lambda progress: self._run(whole, progress))

    def _run(self, session: Session, progress: Progress) -> None:
        with self.telling():
            try:
                found = both_results(session, progress=progress)
            except Cancelled:
                self._shown = None  # asked for again, it is tried again
                return
            names, title = class_names(session), session.made_by[0] if session.made_by else ""
            engine = f"{session.engine} {session.precision}"
            self.set_results(*found, names=names, keep=("window",), title=title, caption="", engine_name=engine)
            self.error = ""
