"""Shapes: walks the graph once, fills `graph.specs`, and tells every line whose shapes do not fit."""

from __future__ import annotations

from dataclasses import replace

from workbench.errors import Problems, WorkbenchError
from workbench.graph import Graph, Node, TensorSpec
from workbench.layers.base import Layer


def infer(graph: Graph) -> None:
    """Fill `graph.specs` with every tensor's TensorSpec; raises WorkbenchErrors with all lines that do not fit.

    A line that reads a tensor of such a line is skipped without a word, so only causes are told; `specs` then holds
    what could be inferred. A batch of -1 passes through where each layer on its way lets it. Each node's layer is first
    bound to the layers that made its inputs.
    """
    problems = Problems()
    graph.specs = {}
    made_by: dict[str, Layer] = {}
    for i, node in enumerate(graph.nodes):
        if all(tensor in graph.specs for tensor in node.inputs):
            layer = node.layer.bind(*[made_by[tensor] for tensor in node.inputs])
            node = graph.nodes[i] = replace(node, layer=layer)
            infer_node(graph, node, problems)
        made_by.update(dict.fromkeys(node.outputs, node.layer))
    problems.raise_errors()


def infer_node(graph: Graph, node: Node, problems: Problems) -> None:
    """Add one node's output specs to `graph.specs`, or what is wrong to `problems`."""
    given = [graph.specs[tensor] for tensor in node.inputs]
    try:
        specs = node.layer.infer(*given)
    except WorkbenchError as error:
        inputs = ", ".join(f"{tensor} {spec}" for tensor, spec in zip(node.inputs, given, strict=True))
        note = f"{error.note}; inputs: {inputs}" if error.note and inputs else error.note or f"inputs: {inputs}"
        problems.error(f"{node}: {error.problem}", node.where, note)
        return
    wrong = [spec for spec in specs if not _possible(spec)]
    if wrong:
        inputs = ", ".join(map(str, given))
        problems.error(f"{node}: expected outputs of positive sizes; got {wrong[0]}", node.where, f"inputs: {inputs}")
    else:
        graph.specs.update(zip(node.outputs, specs, strict=True))


def _possible(spec: TensorSpec) -> bool:
    """Every size is at least 1; only the batch may be open (-1)."""
    return all(size >= 1 for size in spec.shape[1:]) and (spec.shape[:1] in ((), (-1,)) or spec.shape[0] >= 1)
