"""The diagnosis of a session: locate the first wrong line, then try what makes it right."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from workbench.compare.parts import parts_of
from workbench.compare.result import Status, sci
from workbench.config.document import Document
from workbench.diagnose.by_value import match_by_value
from workbench.diagnose.feeds import faulty_feed
from workbench.diagnose.locate import Located, locate, read
from workbench.diagnose.pictures import both_inputs
from workbench.diagnose.production import production
from workbench.diagnose.result import BEFORE, Diagnosis, Finding, KeyEdit, edited_text
from workbench.diagnose.result import diff as difference
from workbench.diagnose.scene import Scene, region_of, tie_texts
from workbench.diagnose.search import Attempt, deadline, search
from workbench.diagnose.weights_file import FIX, faulty_file
from workbench.errors import Where, WorkbenchError
from workbench.graph import Node
from workbench.progress import Progress
from workbench.weights import read_weights

if TYPE_CHECKING:
    from workbench.session import Session

SECONDS = 60.0  # for a whole diagnosis; what is then found is told, with a note
SEARCH = 8.0  # of them at most for trying corrections
INPUT, OUTPUT = ("preproc",), ("yolo", "dist2bbox", "nms", "nms_merge", "bnms", "region", "mask")
SOURCES = ("gamma_beta_swapped", "mean_var_swapped", "source")
RANDOM = "the original gives other outputs at every run (dropout left on, or random operators): nothing to compare"


def diagnose(
    session: Session, progress: Progress, seconds: float = SECONDS, picture: np.ndarray | None = None
) -> Diagnosis:
    """The first wrong line and its causes. Raises WorkbenchError where the original does not run at all."""
    start = time.perf_counter()
    if session.original.trace.deterministic is False:
        told = Diagnosis(session.document.file, side="original", text=RANDOM)
    else:
        told = _diagnose(session, progress, seconds, picture)
    notes = [*session.original.notes, *told.notes]
    return replace(told, notes=notes, seconds=time.perf_counter() - start)


def _diagnose(session: Session, progress: Progress, seconds: float, picture: np.ndarray | None) -> Diagnosis:
    late = deadline(seconds)
    try:
        values = None if session.weights_file is None else np.asarray(read_weights(session.weights_file))
    except WorkbenchError as problem:
        return _unreadable(session.document.file, problem)
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):  # a wrong file or config gives NaN and Inf
        found = read(session, values)
        told = faulty_feed(session, found, picture)
        if told is None:
            locate(session, found, progress, late)
            told = None if values is None else faulty_file(session, found, values)
    if told is None:
        told = _judged(session, found, seconds, late)
    return replace(told, notes=[*found.notes, *told.notes])


def _judged(session: Session, found: Located, seconds: float, late: Callable[[], bool]) -> Diagnosis:
    title = session.document.file
    if found.node is not None:
        return _wrong_line(session, found, late)
    if found.error is not None:
        where = found.error.where if isinstance(found.error.where, Where) else None
        return Diagnosis(title, where, "", "config", f"{found.error.problem}. {found.error.note}")
    if found.unchecked is not None:
        text = f"no wrong line before this one, which {seconds:g} s did not suffice for"
        return Diagnosis(title, found.unchecked.where, str(found.unchecked), "time", text)
    uncovered = session.original.uncovered(found.graph)
    notes = [f"{len(uncovered)} modules are covered by no line: {', '.join(uncovered[:8])}"] if uncovered else []
    return Diagnosis(title, notes=[*notes, *production(session, found)] if found.checker and not late() else notes)


def _wrong_line(session: Session, found: Located, late: Callable[[], bool]) -> Diagnosis:
    """The wrong line with what makes it right; an engine's lowering is nothing that the config could mend."""
    assert found.node is not None
    node = next(n for n in found.graph.nodes if n.outputs == found.node.outputs)
    told = Diagnosis(session.document.file, node.where, str(node), _side(found), _text(found, session.engine),
                     result=found.result)  # fmt: skip
    if told.side == "engine":
        return told
    matched = match_by_value(session, found)
    scene = scene_of(session, found, node)
    if not scene.want:
        return told
    stop = deadline(SEARCH)
    tried = search(scene, lambda: stop() or late())
    findings = [_finding(session, a, tried.before) for a in tried.passed]
    findings += [Finding(o.cause, f"the original {o.text}; no key says so", tried.before, o.error)
                 for o in tried.beyond]  # fmt: skip
    return replace(
        told,
        side="weights" if any(f.cause in SOURCES for f in findings) else told.side,
        findings=findings,
        closest=[_finding(session, a, tried.before) for a in tried.closest],
        notes=matched + ["time ran out: not every cause was tried"] * tried.late,
        tried=tried.tried,
        pictures=both_inputs(scene) if told.side == "input" else [],
    )


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
    if found.stored and found.weights:
        stored = {n.index: found.weights[own[n.outputs]] for n in region.nodes if own.get(n.outputs) in found.weights}
    return Scene(node, region.nodes, specs, tensors, want, tie_texts(graph), session.original, session.engine,
                 session.precision, session.threads, parts, stored)  # fmt: skip


def _finding(session: Session, attempt: Attempt, before: float) -> Finding:
    document, node = session.document, attempt.node
    edits = [(node.entry, key, text) for key, text in attempt.edit.items() if key != BEFORE]
    if line := attempt.edit.get(BEFORE):
        edits = [*_put_in(document, node, line), *edits]
    changed = edited_text(document, tuple(edits))
    return Finding(attempt.cause, f"line {node.where.line} has {attempt.words}", before, attempt.error, tuple(edits),
                   difference(document.text, changed))  # fmt: skip


def _put_in(document: Document, node: Node, line: str) -> list[KeyEdit]:
    """Edits for a line `tag key=value ...` before the node's; where that names its input, the new one is named too."""
    tag, _, keys = line.partition(" ")
    given = {kv.key: kv.value for kv in document.entry(node.entry).keys}.get("input", "*")
    if given == "*":
        return [(node.entry, BEFORE, f"[{tag}] {keys}")]
    name = f"{given}_{tag}"
    return [(node.entry, BEFORE, f"[{tag}] input={given} {keys} refname={name}"), (node.entry, "input", name)]


def _side(found: Located) -> str:
    assert found.node is not None
    result, tag = found.result, found.node.tag
    iso = result.isolated if result else None
    if result and (result.status is Status.UNSUPPORTED or (iso and iso.side == "engine")):
        return "engine"
    return "input" if tag in INPUT else "output" if tag in OUTPUT else "config"


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


def _unreadable(title: str, problem: WorkbenchError) -> Diagnosis:
    findings = []
    if "big-endian" in problem.note:
        findings = [Finding("byte_swapped", problem.note, float("nan"), float("nan"), weights_fix=FIX)]
    return Diagnosis(title, side="weights", text=str(problem), findings=findings)
