"""The diagnosis of a session: locate the first wrong line, then try what makes it right."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from workbench.compare.parts import parts_of
from workbench.compare.result import LineResult, Status, sci
from workbench.diagnose.locate import Located, Progress, locate
from workbench.diagnose.result import Diagnosis, Finding, KeyEdit, diff, edited_text
from workbench.diagnose.scene import NODE_KEYS, REFUSALS, Scene, region_of, tie_texts
from workbench.diagnose.table import Edit, causes_of
from workbench.diagnose.weights_file import FileFault, file_faults, first_difference
from workbench.errors import Where, WorkbenchError
from workbench.graph import Node
from workbench.weights import plan_weights, read_weights
from workbench.weights.from_torch import weights_from_model

if TYPE_CHECKING:
    from workbench.session import Session

WORTH = 1e-3  # a reference error below which the full verdict, with the engine, is asked for
SECONDS = 8.0  # for trying; what is then found is told, with a note
INPUT, OUTPUT = ("preproc",), ("yolo", "dist2bbox", "nms", "nms_merge", "bnms", "region", "mask")


@dataclass
class Attempt:
    cause: str
    node: Node
    edit: Edit
    error: float


def diagnose(session: Session, progress: Progress, seconds: float = SECONDS) -> Diagnosis:
    """The first wrong line and its causes. Raises WorkbenchError where the original does not run at all."""
    start, title = time.perf_counter(), session.document.file
    if session.original.trace.deterministic is False:
        text = (
            "the original gives other outputs at every run (dropout left on, or random operators): nothing to compare"
        )
        return Diagnosis(title, side="original", text=text, notes=session.original.notes)
    try:
        values = None if session.weights_file is None else np.asarray(read_weights(session.weights_file))
    except WorkbenchError as problem:
        return _unreadable(title, problem, time.perf_counter() - start)
    found = locate(session, progress, values)
    notes = [*session.original.notes, *found.notes]
    if values is not None and (faulty := _file(session, found, values)) is not None:
        told, fault_findings = faulty
        return Diagnosis(title, told.where, str(told), "weights", "its weights are not the model's", fault_findings,
                         notes=notes, result=found.result, seconds=time.perf_counter() - start)  # fmt: skip
    if found.node is None and found.error is None:
        if uncovered := session.original.uncovered(found.graph):
            notes.append(f"{len(uncovered)} modules are covered by no line: {', '.join(uncovered[:8])}")
        return Diagnosis(title, notes=notes, seconds=time.perf_counter() - start)
    if found.node is None:
        assert found.error is not None
        where = found.error.where if isinstance(found.error.where, Where) else None
        return Diagnosis(title, where, "", "config", f"{found.error.problem}. {found.error.note}", notes=notes,
                         seconds=time.perf_counter() - start)  # fmt: skip
    side = _side(found.node, found.result)
    findings, closest, tried, late = _try(session, found, start + seconds) if side != "engine" else ([], [], 0, False)
    if late:
        notes.append(f"stopped after {seconds:g} s: not every cause was tried")
    if any(f.cause in ("gamma_beta_swapped", "mean_var_swapped", "source") for f in findings):
        side = "weights"
    return Diagnosis(title, found.node.where, str(found.node), side, _text(found, session.engine), findings,
                     [] if findings else closest, notes, found.result, tried, time.perf_counter() - start)  # fmt: skip


def scene_of(session: Session, found: Located, node: Node) -> Scene:
    """The wrong line with all that is known of what it reads."""
    graph, sound = found.graph, found.sound
    above = [n for n in sound.nodes if n.where.line < node.where.line or n.tag == "input"]
    feeds = session.feeds(sound)
    tensors = {t: found.originals[t] if t in found.originals else feeds[t]
               for n in above for t in n.outputs if t in found.originals or t in feeds}  # fmt: skip
    specs = {t: sound.specs[t] for n in above for t in n.outputs}
    region = region_of(graph, node, [*tensors, *found.originals])
    want = {t: found.originals[t] for t in node.outputs if t in found.originals}
    parts = parts_of(sound) if node.outputs[0] in sound.specs else None
    own = {n.outputs: n.index for n in sound.nodes}
    stored = None
    if found.stored is not None:
        stored = {n.index: found.stored[own[n.outputs]] for n in region.nodes if own.get(n.outputs) in found.stored}
    return Scene(node, region.nodes, specs, tensors, want, tie_texts(graph), session.original, session.engine,
                 session.precision, session.threads, parts, stored)  # fmt: skip


def _try(session: Session, found: Located, deadline: float) -> tuple[list[Finding], list[Finding], int, bool]:
    """(what makes the line pass, the three closest, how many were tried, whether time ran out)."""
    assert found.node is not None
    node = next(n for n in found.graph.nodes if n.outputs == found.node.outputs)
    scene = scene_of(session, found, node)
    if not scene.want:
        return [], [], 0, False
    before = scene.reference_error(node)
    attempts: list[Attempt] = []
    passed: dict[str, Finding] = {}
    seen = {_look(node)}
    for inner in reversed(scene.nodes):
        for cause in causes_of(inner.tag):
            for edit in _proposals(cause.propose, scene, inner):
                if time.perf_counter() > deadline:
                    return _ranked(passed), _closest(session, attempts, before), len(attempts), True
                try:
                    changed = scene.edited(inner, edit)
                except REFUSALS:
                    continue
                if _look(changed) in seen:
                    continue
                seen.add(_look(changed))
                attempt = Attempt(cause.id, changed, edit, scene.reference_error(changed))
                attempts.append(attempt)
                if attempt.error < min(WORTH, before) and cause.id not in passed and scene.passes(changed):
                    passed[cause.id] = _finding(session, attempt, before)
    return _ranked(passed), _closest(session, attempts, before), len(attempts), False


def _look(node: Node) -> str:
    return repr((node.index, node.layer, node.act, node.inputs, sorted(node.source.items())))


def _proposals(propose, scene: Scene, node: Node):
    """What a cause proposes; one that cannot look at this line (a shape it does not expect) proposes nothing."""
    try:
        yield from propose(scene, node)
    except (KeyError, *REFUSALS):
        return


def _ranked(passed: dict[str, Finding]) -> list[Finding]:
    """Fewest changed keys first; equally simple ones as they were tried."""
    return sorted(passed.values(), key=lambda f: len(f.edits))


def _closest(session: Session, attempts: list[Attempt], before: float) -> list[Finding]:
    best = sorted((a for a in attempts if np.isfinite(a.error)), key=lambda a: a.error)[:3]
    return [_finding(session, a, before) for a in best]


def _finding(session: Session, attempt: Attempt, before: float) -> Finding:
    edits: list[KeyEdit] = [(attempt.node.entry, key, text) for key, text in attempt.edit.items()]
    words = " ".join(f"{key}={text}" if text is not None else f"no {key}" for key, text in attempt.edit.items())
    own = type(attempt.node.layer).keys().keys() | set(NODE_KEYS)
    kept = tuple(e for e in edits if e[1] in own)
    text = diff(session.document.text, edited_text(session.document, kept))
    return Finding(attempt.cause, f"line {attempt.node.where.line} has {words}", before, attempt.error, kept, text)


def _side(node: Node, result: LineResult | None) -> str:
    iso = result.isolated if result else None
    if result and (result.status is Status.UNSUPPORTED or (iso and iso.side == "engine")):
        return "engine"
    return "input" if node.tag in INPUT else "output" if node.tag in OUTPUT else "config"


def _text(found: Located, engine: str) -> str:
    if found.error is not None:
        return found.error.problem
    result = found.result
    assert result is not None
    if result.isolated is None:
        return result.message
    iso = result.isolated
    said = f"error {sci(iso.engine.error)}, {sci(iso.tolerance)} allowed"
    if iso.side == "engine":
        return f"{said}; the torch reference agrees with the original, so it is the {engine} lowering"
    return f"{said}; {result.message}" if result.message else said


def _file(session: Session, found: Located, values: np.ndarray) -> tuple[Node, list[Finding]] | None:
    """The line whose weights in the file differ from the model's first, if that is what is wrong there; and why."""
    graph = found.graph if found.error is None and len(found.graph.nodes) == len(found.sound.nodes) else found.sound
    try:
        plan = plan_weights(graph)
        want = weights_from_model(graph, plan, session.original.source).values
    except WorkbenchError:
        return None
    at = first_difference(values, want, plan)
    if at is None:
        return None
    bad = found.node
    if bad is None and values.size == want.size:
        return None  # the difference changes no verdict
    if bad is not None and values.size == want.size and not _differs(values, want, plan, bad):
        return None
    if bad is not None and values.size == want.size:
        at = next(s for s in plan.stored if s.node.outputs == bad.outputs and not _equal(values, want, s))
    state = session.model.state_dict()
    faults = file_faults(values, want, plan, state, at)
    return _place(faults, at.node), [_file_finding(f, found) for f in faults]


def _place(faults: list[FileFault], node: Node) -> Node:
    return faults[0].spec.node if faults else node


def _equal(values: np.ndarray, want: np.ndarray, spec) -> bool:
    span = slice(spec.offset, spec.offset + spec.count)
    return bool(np.allclose(values[span], want[span], rtol=1e-6, atol=1e-12, equal_nan=True))


def _differs(values: np.ndarray, want: np.ndarray, plan, node: Node) -> bool:
    return any(not _equal(values, want, s) for s in plan.stored if s.node.outputs == node.outputs)


def _file_finding(fault: FileFault, found: Located) -> Finding:
    iso = found.result.isolated if found.result else None
    before = iso.reference if iso else float("nan")
    fix = "write the file again from the model: session.write_weights(FILE)"
    return Finding(fault.cause, fault.text, before, float("nan"), weights_fix=fix)


def _unreadable(title: str, problem: WorkbenchError, seconds: float) -> Diagnosis:
    cause = "byte_swapped" if "big-endian" in problem.note else "weights_damaged"
    finding = Finding(cause, problem.note, float("nan"), 0.0, weights_fix="session.write_weights(FILE)")
    return Diagnosis(title, side="weights", text=str(problem), findings=[finding] if cause == "byte_swapped" else [],
                     seconds=seconds)  # fmt: skip
