"""Which parts of a tensor are judged each by its own range: boxes, scores and key points never across units.

A concat's inputs are its parts; layers that only move or map values keep them. Zeroing every class score of a
detector changes a concatenated box and score tensor by 3e-7 of its whole range, but by all of the scores' own.
"""

from __future__ import annotations

import numpy as np

from workbench.compare.verdict import error
from workbench.graph import Graph, Node
from workbench.layers.base import axis_of

Part = tuple[int, int, int]  # axis, first, last + 1
KEEPS_AXES = ("activation", "scale", "simpleop", "clamp")


def parts_of(graph: Graph) -> dict[str, list[Part]]:
    """Parts by tensor, only for tensors that have more than one."""
    parts: dict[str, list[Part]] = {}
    for node in graph.body:
        if node.tag == "concat":
            parts[node.outputs[0]] = _segments(graph, node)
        elif node.inputs and node.inputs[0] in parts:
            if node.tag == "trans":
                order = [int(i) for i in node.layer.order]  # type: ignore[attr-defined]
                parts[node.outputs[0]] = [(order.index(axis), a, b) for axis, a, b in parts[node.inputs[0]]]
            elif node.tag in KEEPS_AXES:
                parts[node.outputs[0]] = parts[node.inputs[0]]
    return parts


def _segments(graph: Graph, node: Node) -> list[Part]:
    specs = [graph.specs[t] for t in node.inputs]
    axis = axis_of(node.layer.axis, specs[0])  # type: ignore[attr-defined]
    ends, segments = 0, []
    for spec in specs:
        segments.append((axis, ends, ends + spec.shape[axis]))
        ends += spec.shape[axis]
    return segments


def slices(parts: list[Part], rank: int) -> list[tuple[slice, ...]]:
    """Parts as index tuples for an array of this many axes."""
    return [tuple(slice(a, b) if i == axis else slice(None) for i in range(rank)) for axis, a, b in parts]


def part_errors(name: str, x: np.ndarray, r: np.ndarray, parts: list[Part] | None) -> dict[str, float]:
    """The verdict's error of each part, as `name[first:last]`; of the whole where it has no parts."""
    if not parts or x.shape != r.shape:
        return {name: error(x, r)}
    cuts = zip(parts, slices(parts, r.ndim), strict=True)
    return {f"{name}[{first}:{last}]": error(x[cut], r[cut]) for (_, first, last), cut in cuts}


def part_error(x: np.ndarray, r: np.ndarray, parts: list[Part] | None) -> float:
    """The verdict's error, the worst part's where there are parts."""
    return max(part_errors("", x, r, parts).values())
