"""The config's lines in a notebook: their verdicts, changes in place, the original's modules, the changes so far."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any

import traitlets

from workbench.config.dictionary import SECTIONS, SHARING, Dictionary, Row, has_weights
from workbench.config.lexer import Entry
from workbench.errors import WorkbenchError
from workbench.layers import LAYERS
from workbench.layers.base import KINDS
from workbench.ui import modules
from workbench.ui.base import View
from workbench.ui.rows import changed_lines, diff_rows, line_rows, problem_rows
from workbench.ui.workspace import Workspace


class LinesView(View):
    """LinesView(Workspace(session)): stepper and editor.

    cursor   the line looked at, counted from 1
    mode     what is shown: lines, tree (the original's modules) or changes
    filter   all, bad, drift, stale, unchecked or passed; query: a text that lines must hold
    chosen   the tie of the module chosen in the tree
    The rest mirrors the workspace for the browser.
    """

    SCRIPT = "lines.js"
    STYLES = ("lines.css",)

    cursor = traitlets.Int(1).tag(sync=True)
    mode = traitlets.Enum(("lines", "tree", "changes"), "lines").tag(sync=True)
    filter = traitlets.Enum(("all", "bad", "drift", "stale", "unchecked", "passed"), "all").tag(sync=True)
    query = traitlets.Unicode().tag(sync=True)
    chosen = traitlets.Unicode().tag(sync=True)
    editing = traitlets.Bool(False).tag(sync=True)

    text = traitlets.Unicode().tag(sync=True)
    ack = traitlets.Int(0).tag(sync=True)  # the browser's last edit that `text` holds
    rows: Any = traitlets.List().tag(sync=True)
    problems: Any = traitlets.List().tag(sync=True)
    changed: Any = traitlets.List().tag(sync=True)
    dictionary = traitlets.Dict().tag(sync=True)
    ties: Any = traitlets.List().tag(sync=True)
    modules: Any = traitlets.List().tag(sync=True)
    order: Any = traitlets.List().tag(sync=True)
    covered = traitlets.Dict().tag(sync=True)
    tied = traitlets.Dict().tag(sync=True)
    proposal = traitlets.Unicode().tag(sync=True)
    chosenLine = traitlets.Unicode().tag(sync=True)
    diff: Any = traitlets.List().tag(sync=True)

    def __init__(self, workspace: Workspace, **traits: Any) -> None:
        self.workspace = workspace
        self.save: Callable[[], object] = workspace.save  # a widget around may ask first
        super().__init__(lock=workspace.lock, dictionary=dictionary_of(workspace.parsed.dictionary), **traits)
        self._mirror()
        workspace.observe(lambda _: self._mirror(), ["version", "checked"])
        workspace.observe(lambda _: self._mirror_original(), ["traced", "covered"])
        self.react(self._propose, "chosen")

    def _mirror(self) -> None:
        space = self.workspace
        with space.lock, self.hold_sync():
            self.problems = problem_rows(space.problems, space.document)
            self.rows = line_rows(space.document, space.graph, space.signs, space.verdicts, self.problems)
            self.text = space.document.text
            self.changed = changed_lines(self.text, space.saved_text) if space.unsaved else []
            self.tied = {tie: n.entry for n in space.graph.body if n.tie for tie in n.tie.split(",")}
            self.cursor = max(1, min(self.cursor, self.text.count("\n") + 1))

    def _mirror_original(self) -> None:
        space = self.workspace
        with space.lock, self.hold_sync():
            if space.traced:
                self.modules, self.ties, self.order = space.module_rows, space.tie_names, space.order
                self.covered = space.covered
                self.proposal = modules.next_proposal(space.session.original, space.covered)

    def _propose(self) -> None:
        self.chosenLine = modules.proposal(self.workspace.session.original, self.chosen)

    def entry_at(self, line: int) -> Entry | None:
        """The section that a line is of."""
        above = [e for e in self.workspace.document.entries if e.line <= line]
        return above[-1] if above else None

    def row(self, line: int = 0) -> dict[str, Any] | None:
        """What is known of a line, the cursor's where none is given, or of the line that judges it."""
        rows, entry = {row["line"]: row for row in self.rows}, self.entry_at(line or self.cursor)
        row = rows.get(entry.line) if entry else None
        return rows.get(row["judge"], row) if row and "judge" in row else row

    # ---- what the browser asks for

    def do_edit(self, line: int, before: str, after: str, group: str, seq: int) -> None:
        with self.hold_sync():
            self.ack = seq
            try:
                self.workspace.edit(line, before, after, group)
            finally:
                self._mirror()

    def do_undo(self) -> None:
        self.workspace.undo()

    def do_redo(self) -> None:
        self.workspace.redo()

    def do_check(self, line: int = 0) -> None:
        """All lines, or those up to one."""
        if not line:
            return self.workspace.check()
        row = self.row(line)
        if row is None:
            raise WorkbenchError(f"line {line} is before the first section")
        return self.workspace.check(row["entry"])

    def do_save(self) -> None:
        self.save()

    def do_diff(self) -> None:
        self.diff = diff_rows(self.workspace.saved_text, self.text)

    def do_insert(self, text: str) -> None:
        """Have the browser put a line below the cursor, where it is then edited."""
        self.send({"insert": text})

    def __repr__(self) -> str:
        return f"LinesView({self.workspace.file}, line {self.cursor})"


def dictionary_of(dictionary: Dictionary) -> dict[str, Any]:
    """The layers and their keys, as completion and help need them."""
    tags = [*LAYERS, *(tag for tag in SECTIONS if tag in dictionary)]
    return {tag: {"doc": _summary(tag), "layer": tag in LAYERS, "keys": _keys(tag, dictionary)} for tag in tags}


def _keys(tag: str, dictionary: Dictionary) -> dict[str, Any]:
    rows = list(dictionary.rows(tag).values())
    if tag in LAYERS and has_weights(LAYERS[tag]):
        rows += [Row.of(tag, key) for key in SHARING if key.name not in dictionary.rows(tag)]
    return {row.key: {"kind": KINDS[row.ktype], "doc": row.desc, "init": row.init, "among": list(row.symbols),
                      "required": row.require} for row in rows}  # fmt: skip


@functools.cache
def _summary(tag: str) -> str:
    """The first line of what the layer's module says of it."""
    if tag not in LAYERS:
        return {"model": "the model as a whole", "output": "the tensors that the network gives"}.get(tag, "")
    module = sys.modules[LAYERS[tag].__module__]
    return (module.__doc__ or "").strip().split("\n")[0].partition(": ")[2]
