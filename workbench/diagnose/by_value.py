"""Lines without name= before a wrong one, matched by the values that they give: those that match are right."""

from __future__ import annotations

from collections import ChainMap
from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from workbench.diagnose.locate import Located
from workbench.diagnose.scene import REFUSALS
from workbench.engines.reference import evaluate_graph
from workbench.graph import Node

if TYPE_CHECKING:
    from workbench.session import Session


def match_by_value(session: Session, found: Located) -> list[str]:
    """Give `found` the original's tensors for the untied lines that the wrong line is judged with; a note for each.

    A line is matched where one tensor of the original alone has the values that it gives.
    """
    from workbench.trace.match import match_values
    from workbench.trace.record import record
    from workbench.trace.view import apply_view

    inner = found.result.region[:-1] if found.result else ()
    exported = session.original.exported
    if not inner or exported is None or found.checker is None or found.weights is None:
        return []
    arrays = _computed(found, inner)
    sizes = {x.size for x in arrays.values()}
    wanted = [path.tie for path in exported.paths() if prod(path.shape) in sizes]
    trace = record(session.model, session.example, wanted=wanted, exported=exported, twice=False)
    matches = match_values(replace(found.sound, nodes=list(inner)), arrays, trace)
    notes = []
    for node in inner:
        if node.index in matches:
            tie, _, view = matches[node.index]
            found.originals[node.outputs[0]] = apply_view(trace[tie], view)
            notes.append(f"{node.where} {node} has no name=; by its values, which no other tensor has, it equals {tie}")
    return notes


def _computed(found: Located, inner: tuple[Node, ...]) -> dict[str, np.ndarray]:
    """What the lines give by the torch reference, fed with the original's tensors."""
    assert found.result is not None and found.checker is not None and found.weights is not None
    region = next(r for r in found.checker.regions if r.node.index == found.result.node.index)
    known = ChainMap(found.originals, dict(found.checker.feeds))
    taps = [t for n in inner for t in n.outputs]
    graph = replace(region.graph(found.sound), outputs=tuple(taps))
    try:
        feeds = {t: known[t] for t in region.inputs}
        return evaluate_graph(graph, region.weights(found.weights), feeds, "f32")
    except (KeyError, *REFUSALS):
        return {}
