"""The diagnosis in a notebook: the first wrong line, what makes it right, the evidence, and the fix at one key."""

from __future__ import annotations

import math
from typing import Any

import traitlets

from workbench.compare.result import LineResult
from workbench.diagnose.result import Diagnosis, Finding
from workbench.errors import WorkbenchError
from workbench.ui.base import View
from workbench.ui.workspace import Workspace

State = dict[str, Any]


class DiagnosisView(View):
    """DiagnosisView(Workspace(session)): `state` mirrors the last diagnosis, `counts` the verdicts."""

    SCRIPT = "diagnosis.js"
    STYLES = ("diagnosis.css",)

    state = traitlets.Dict().tag(sync=True)
    counts = traitlets.Dict().tag(sync=True)
    engine = traitlets.Unicode().tag(sync=True)
    applied = traitlets.Unicode().tag(sync=True)  # the fix made last, until the next edit
    show_diff = traitlets.Bool(True).tag(sync=True)

    def __init__(self, workspace: Workspace, **traits: Any) -> None:
        self.workspace = workspace
        super().__init__(lock=workspace.lock, **traits)
        self._mirror()
        workspace.observe(lambda _: self._mirror(), ["diagnosis", "checked", "version"])

    def _mirror(self) -> None:
        space = self.workspace
        with space.lock, self.hold_sync():
            self.engine = f"{space.session.engine} {space.session.precision}"
            self.counts = space.counts()
            self.state = {} if space.diagnosis is None else state_of(space.diagnosis)
            if self.applied and space.version != self._applied_at:
                self.applied = ""

    _applied_at = -1

    def do_apply(self, index: int = 0) -> None:
        """Make the fix of a finding; undo takes it back."""
        found = self.workspace.diagnosis
        if found is None or index >= len(found.findings):
            raise WorkbenchError("there is no finding to apply", note="Check all looks for one")
        finding = found.findings[index]
        self.workspace.apply(finding)
        self._applied_at = self.workspace.version
        self.applied = finding.text

    def do_undo(self) -> None:
        self.workspace.undo()

    def do_check(self) -> None:
        self.workspace.check()

    def __repr__(self) -> str:
        return f"DiagnosisView({self.workspace.file})"


def state_of(found: Diagnosis) -> State:
    """The diagnosis as plain numbers and words."""
    return {
        "clean": found.clean,
        "line": found.where.line if found.where else 0,
        "layer": found.layer,
        "side": found.side,
        "text": found.text,
        "findings": [_finding(f) for f in found.findings],
        "closest": [_finding(f) for f in found.closest],
        "notes": found.notes,
        "tried": found.tried,
        "seconds": found.seconds,
        "result": _result(found.result),
    }


def _finding(f: Finding) -> State:
    diff = [{"kind": line[:1], "text": line[1:]} for line in f.diff.splitlines()]
    change = ", ".join(f"{key}={value}" if value is not None else f"no {key}" for _, key, value in f.edits)
    return {"cause": f.cause, "text": f.text, "before": number(f.before), "after": number(f.after), "diff": diff,
            "change": change, "applies": bool(f.edits), "fix": f.weights_fix}  # fmt: skip


def _result(result: LineResult | None) -> State | None:
    if result is None or result.isolated is None:
        return None
    iso = result.isolated
    return {"error": number(iso.engine.error), "reference": number(iso.reference), "allowed": number(iso.tolerance),
            "side": iso.side}  # fmt: skip


def number(value: float) -> float | str | None:
    """JSON has no word for NaN and Inf."""
    return None if math.isnan(value) else "inf" if math.isinf(value) else value
