"""The weights ledger in a notebook: which line reads which floats of the .weights file, and where they come from."""

from __future__ import annotations

from typing import Any

import traitlets

from workbench.errors import WorkbenchError
from workbench.progress import Progress
from workbench.ui.base import View
from workbench.ui.workspace import Workspace
from workbench.weights.ledger import LedgerRow


class LedgerView(View):
    """LedgerView(Workspace(session)): `rows` are the file's tensors in its order, read anew when the text changed.

    `line` is the config line whose tensors are marked, `picked` the one that was clicked on.
    """

    SCRIPT = "ledger.js"
    STYLES = ("ledger.css",)

    rows: Any = traitlets.List().tag(sync=True)
    warnings: Any = traitlets.List().tag(sync=True)
    line = traitlets.Int(0).tag(sync=True)
    picked = traitlets.Int(0).tag(sync=True)
    query = traitlets.Unicode().tag(sync=True)
    file = traitlets.Unicode().tag(sync=True)
    note = traitlets.Unicode("not read yet").tag(sync=True)

    def __init__(self, workspace: Workspace, **traits: Any) -> None:
        self.workspace = workspace
        self._version = -1
        super().__init__(lock=workspace.lock, file=_weights_file(workspace), **traits)

    def refresh(self) -> None:
        """Read the ledger of the text as it stands, where that is not known yet."""
        if self._version != self.workspace.version:
            self._version = self.workspace.version
            self.workspace.worker.quick("ledger", self._read)

    def _read(self, _: Progress) -> None:
        try:
            found = self.workspace.sound_session().weights()
        except WorkbenchError as problem:
            with self.lock:
                self.note, self.rows = str(problem), []
            return
        with self.lock, self.hold_sync():
            self.rows = [_row(row) for row in found.ledger.rows]
            self.warnings = list(map(str, found.warnings))
            self.note = ""

    def do_write(self, path: str) -> None:
        """Write the .weights file and its ledger."""
        if not path.strip():
            raise WorkbenchError("expected a file name", note="such as weights/model.weights")
        ledger = self.workspace.session.write_weights(path.strip())
        self.note = f"wrote {path} with {sum(r.count for r in ledger.rows):,} floats"

    def do_refresh(self) -> None:
        self.refresh()

    def __repr__(self) -> str:
        return f"LedgerView({self.workspace.file}, {len(self.rows)} tensors)"


def _weights_file(workspace: Workspace) -> str:
    given = workspace.session.weights_file
    return str(given) if given else workspace.graph.model.get("weight_file", "")


def _row(row: LedgerRow) -> dict[str, Any]:
    place = row.where.rsplit(":", 2)
    return {"line": int(place[1]) if len(place) == 3 else 0, "layer": row.layer, "letter": row.letter,
            "source": row.source, "shape": ",".join(map(str, row.shape)), "offset": row.offset, "count": row.count,
            "crc": f"{row.crc:08x}"}  # fmt: skip
