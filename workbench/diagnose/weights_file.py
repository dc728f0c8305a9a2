"""What is wrong with a weights file, by comparing its floats with those that the model would give."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

import workbench.diagnose.file_causes  # noqa: F401  registers them
from workbench.diagnose.file_causes.table import Compared, alike, explanations, same
from workbench.diagnose.locate import Located
from workbench.diagnose.result import Diagnosis, Finding
from workbench.errors import WorkbenchError
from workbench.graph import Node
from workbench.weights import plan_weights
from workbench.weights.from_torch import TorchWeights, weights_from_model
from workbench.weights.spec import WeightPlan, WeightSpec

if TYPE_CHECKING:
    from workbench.session import Session

FIX = "write the file again from the model: session.write_weights(FILE)"


def faulty_file(session: Session, found: Located, values: np.ndarray) -> Diagnosis | None:
    """The line whose weights in the file differ from the model's first, if that is what is wrong there, and why.

    What differs and changes no verdict is a note of `found`.
    """
    graph = found.graph if found.complete else found.sound
    try:
        plan = plan_weights(graph)
        model = weights_from_model(graph, plan, session.original.source)
    except WorkbenchError:
        return None
    spans = ((s, slice(s.offset, s.offset + s.count)) for s in plan.stored)
    different = [s for s, span in spans if not same(values[span], model.values[span])]
    at = _first_wrong(found, values.size - model.values.size, different, plan)
    if at is None:
        if different and found.node is None:
            s = different[0]
            found.notes.append(f"the weights file is not the model's: {len(different)} tensors differ, the first {s}; "
                               "on this example no line shows it")  # fmt: skip
        return None
    return _told(session, found, Compared(values, model.values, plan, at, session.model.state_dict(),
                                          _sources(model, at.node)))  # fmt: skip


def _told(session: Session, found: Located, compared: Compared) -> Diagnosis:
    claims = explanations(compared)
    iso = found.result.isolated if found.result else None
    before = iso.reference if iso else float("nan")
    findings = [Finding(cause, c.text, before, float("nan"), weights_fix=FIX) for cause, c in claims.items()]
    node = next((c.spec.node for c in claims.values()), compared.at.node)
    return Diagnosis(session.document.file, node.where, str(node), "weights", _said(compared), findings,
                     result=found.result)  # fmt: skip


def _first_wrong(found: Located, more: int, different: list[WeightSpec], plan: WeightPlan) -> WeightSpec | None:
    """The first tensor that differs: of the whole file where it has floats more or less, else of the wrong line."""
    if more:
        return next(iter(different), plan.stored[-1] if plan.stored else None)
    if found.node is None:
        return None
    lines = found.result.region if found.result and found.result.region else (found.node,)
    judged = {n.outputs for n in lines}
    return next((s for s in different if s.node.outputs in judged), None)


def _sources(model: TorchWeights, node: Node) -> dict[str, str]:
    return {row.letter: row.source for row in model.ledger.rows if row.where == str(node.where)}


def _said(c: Compared) -> str:
    """How the file's tensor and the model's differ; NaN and Inf are counted apart."""
    if c.g.size != c.w.size:
        return f"the weights end in {c.label}: the file holds {c.got.size:,} floats, the config reads {c.want.size:,}"
    apart = np.flatnonzero(~alike(c.g, c.w))
    if not apart.size:
        return f"the file holds {c.got.size:,} floats, the config reads {c.want.size:,}"
    strange = int((~np.isfinite(c.g)).sum())
    with np.errstate(invalid="ignore", over="ignore"):
        worst = int(apart[np.nan_to_num(np.abs(c.g - c.w)[apart], nan=np.inf).argmax()])
    place = [int(i) for i in np.unravel_index(worst, c.at.shape)]
    text = f"its weights are not the model's: {apart.size:,} of the {c.at.count:,} floats of {c.label} differ"
    text += f", {strange:,} of them NaN or Inf" if strange else ""
    return f"{text}; at {place} it is {c.g[worst]:.6g}, the model has {c.w[worst]:.6g}"
