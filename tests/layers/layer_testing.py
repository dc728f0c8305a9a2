"""The layers' own cases as graphs of one layer, with inputs and weights drawn at random."""

import numpy as np
import pytest

from workbench.engines.reference import ReferenceEngine
from workbench.graph import DTYPES, Act, Graph, Node, TensorSpec
from workbench.layers import LAYERS
from workbench.layers.input import Input

CASES = [pytest.param(tag, case, id=f"{tag}-{i}") for tag, cls in LAYERS.items() for i, case in enumerate(cls.CASES)]


def draw(rng, spec, positive=False):
    if spec.dtype == "f32":
        x = rng.standard_normal(spec.shape).astype(np.float32)
        return np.abs(x) + 0.5 if positive else x
    return rng.integers(0, 200 if spec.dtype[0] == "u" else 5, spec.shape).astype(DTYPES[spec.dtype])


def graph_of(tag, case):
    """The case as a one-layer graph with its act= keys, and the layer's weights drawn at random."""
    keys = dict(pair.split("=", 1) for pair in case.keys.split())
    alpha, beta = (float(keys.pop(k)) if k in keys else None for k in ("act_alpha", "act_beta"))
    act = Act(keys.pop("act", "identity"), alpha, beta)
    layer = LAYERS[tag].parse(keys)
    names = [f"X{i}" for i in range(len(case.specs))]
    nodes = [
        Node(i, Input(shape=s.shape, dtype=s.dtype), (), (n,))
        for i, (n, s) in enumerate(zip(names, case.specs, strict=True))
    ]
    outputs = tuple(f"Y{i}" for i in range(layer.outputs))
    nodes.append(Node(len(nodes), layer, tuple(names), outputs, act=act))
    specs = dict(zip(names, case.specs, strict=True)) | dict(zip(outputs, layer.infer(*case.specs), strict=True))
    return Graph(nodes, outputs, specs=specs)


def weights_of(graph, rng):
    node = graph.nodes[-1]
    shapes = node.layer.weights(*[graph.specs[t] for t in node.inputs])
    return {node.index: {letter: draw(rng, TensorSpec(shape), letter == "v") for letter, shape in shapes}}


def run_reference(graph, case, rng):
    """Feeds and weights of the case, and the reference's outputs in float32 and in float64."""
    drawn = case.feeds(rng) if case.feeds else [draw(rng, s, case.positive) for s in case.specs]
    feeds, weights = dict(zip(graph.inputs, drawn, strict=True)), weights_of(graph, rng)
    want, exact = (ReferenceEngine(graph, weights, precision=p).run(feeds, check=False) for p in ("f32", "f64"))
    return feeds, weights, want, exact
