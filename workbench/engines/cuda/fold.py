"""A batch norm on a line of its own becomes part of the convolution before it: in its weights, once, at build."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from workbench.engines.base import Weights
from workbench.graph import Act, Graph, Node
from workbench.layers.batchnorm import fold

CONVOLUTIONS = ("conv2d", "conv1d")  # the first axis of their kernels is the output channel


def fold_batch_norms(graph: Graph, weights: Weights, taps: Sequence[str] = ()) -> tuple[Graph, Weights]:
    """The graph without [bn] lines that follow a convolution whose output nothing else wants, and its weights."""
    wanted = Counter(t for node in graph.nodes for t in node.inputs)
    wanted.update((*graph.outputs, *taps))
    made_by, folded = graph.producer(), dict(weights)
    joined: dict[int, Node] = {}
    gone: set[int] = set()
    for node in graph.nodes:
        before = made_by[node.inputs[0]] if node.tag == "bn" else node
        takes = before.tag in CONVOLUTIONS and before.act == Act() and wanted[before.outputs[0]] == 1
        if node.tag != "bn" or not takes:
            continue
        layer: Any = before.layer
        plain = dataclasses.replace(layer, scale=1.0)  # its weights hold the factor from now on
        joined[before.index] = dataclasses.replace(before, layer=plain, outputs=node.outputs, act=node.act)
        folded[before.index] = _joined(layer, weights[before.index], node.layer, weights[node.index])
        gone.add(node.index)
    if not gone:
        return graph, weights
    nodes = [joined.get(node.index, node) for node in graph.nodes if node.index not in gone]
    return dataclasses.replace(graph, nodes=nodes), folded


def _joined(conv: Any, w: Mapping[str, np.ndarray], bn: Any, v: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Kernel and bias of a convolution followed by a batch norm; multiplied in float64."""
    kernel, bias = fold(dict(w), conv.bn_eps, conv.scale)
    gain, shift = fold({"w": next(iter(v.values())) ** 0, **v}, bn.bn_eps)
    wide = gain.astype(np.float64)
    total = wide * (0.0 if bias is None else bias) + (0.0 if shift is None else shift)
    joined = kernel * wide.reshape(-1, *[1] * (kernel.ndim - 1))
    return {"w": joined.astype(np.float32), "a": total.astype(np.float32)}
