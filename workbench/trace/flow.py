"""Which operators of an exported graph a value depends on, in-place writes to shared memory included."""

from __future__ import annotations

import operator
from typing import Any

import torch
from torch.fx import Node

from workbench.trace.example import tensors_in

# Operators that take only shape and dtype from their argument.
LIKE = {"new_full", "new_zeros", "new_ones", "new_empty", "full_like", "zeros_like", "ones_like", "empty_like"}


def operator_name(node: Node) -> str:
    """ATen's name without overload and trailing underscore."""
    packet: Any = getattr(node.target, "overloadpacket", node.target)
    name = getattr(packet, "__name__", None) or str(packet)
    return name.strip("_")


def tensors_of(node: Node) -> list[torch.Tensor]:
    """The data-less tensors that a node gives, as the export left them; none for numbers and marks."""
    return tensors_in(node.meta.get("val")) if node.op != "output" else []


def storages(graph: torch.fx.Graph) -> dict[Node, Node]:
    """For every node the one that made its memory: views and in-place operators share that of their argument."""
    root: dict[Node, Node] = {}
    for node in graph.nodes:
        source = node.args[0] if node.target is operator.getitem else next(iter(_aliased(node, node.target)), None)
        root[node] = root[source] if isinstance(source, Node) else node
    return root


def data_flow(graph: torch.fx.Graph) -> dict[Node, tuple[Node, ...]]:
    """For every node those its value depends on: its inputs, and the in-place writes to their memory before it."""
    root = storages(graph)
    writes: dict[Node, list[Node]] = {}
    flow: dict[Node, tuple[Node, ...]] = {}
    position = {node: i for i, node in enumerate(graph.nodes)}
    for node in graph.nodes:
        inputs = [] if operator_name(node) in LIKE else node.all_input_nodes
        depends = dict.fromkeys(inputs)
        for n in inputs:
            depends.update(dict.fromkeys(w for w in writes.get(root[n], ()) if position[w] > position[n]))
        flow[node] = tuple(depends)
        for argument in _aliased(node, node.target, written=True):
            writes.setdefault(root[argument], []).append(node)
    return flow


def _aliased(node: Node, target: Any, written: bool = False) -> list[Node]:
    """The arguments whose memory the operator's output shares, or that it writes to, by ATen's schema."""
    schema = getattr(target, "_schema", None)
    if schema is None or not (written or any(r.alias_info for r in schema.returns)):
        return []
    return [a for a, s in zip(node.args, schema.arguments, strict=False)
            if isinstance(a, Node) and s.alias_info and (s.alias_info.is_write or not written)]  # fmt: skip
