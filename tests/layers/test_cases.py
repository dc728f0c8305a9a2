"""Every case of every layer: the stated shape and dtype hold, and each engine agrees with the torch reference."""

from dataclasses import replace

import numpy as np
import pytest

from workbench.compare.verdict import error, tolerance
from workbench.engines.base import fits
from workbench.engines.openvino import OpenVINOEngine
from workbench.engines.reference import ReferenceEngine
from workbench.graph import DTYPES, Act, Graph, Node, TensorSpec
from workbench.layers import LAYERS
from workbench.layers.activation import ACTS
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


@pytest.mark.parametrize("tag, case", CASES)
def test_engines_agree_with_the_reference(tag, case):
    rng = np.random.default_rng(0)
    graph = graph_of(tag, case)
    node = graph.nodes[-1]
    drawn = case.feeds(rng) if case.feeds else [draw(rng, s, case.positive) for s in case.specs]
    feeds, weights = dict(zip(graph.inputs, drawn, strict=True)), weights_of(graph, rng)
    want = ReferenceEngine(graph, weights).run(feeds, check=False)
    exact64 = ReferenceEngine(graph, weights, precision="f64").run(feeds, check=False)
    got = OpenVINOEngine.build(graph, weights).run(feeds, check=False)
    for name, r in want.items():
        spec = graph.specs[name]
        assert fits(r.shape, spec.shape), "infer states another shape"
        assert str(r.dtype) == DTYPES[spec.dtype]
        exact = (node.layer.exact and ACTS[node.act.name].exact) or spec.dtype != "f32"
        assert error(got[name], r) <= tolerance(error(r, exact64[name]), exact=exact), name


OPEN = [p for p in CASES if p.values[1].specs and all(len(s.shape) > 1 for s in p.values[1].specs)]


@pytest.mark.parametrize("tag, case", OPEN)
def test_an_open_batch_gives_what_a_fixed_one_gives(tag, case):
    """Where infer lets a batch of -1 pass, the open engine must give the fixed engine's numbers."""
    graph = graph_of(tag, case)
    node = graph.nodes[-1]
    opened = [TensorSpec((-1, *s.shape[1:]), s.dtype) for s in case.specs]
    try:
        specs = node.layer.infer(*opened)
    except Exception:  # this layer needs to know the batch
        return
    if case.feeds or any(s.shape[:1] != (-1,) for s in specs) or len({s.shape[0] for s in case.specs}) > 1:
        return
    rng = np.random.default_rng(0)
    feeds = {n: draw(rng, s, case.positive) for n, s in zip(graph.inputs, case.specs, strict=True)}
    weights = weights_of(graph, rng)
    fixed = OpenVINOEngine.build(graph, weights).run(feeds)
    nodes = [replace(n, layer=Input(shape=(-1, *n.layer.shape[1:]), dtype=n.layer.dtype)) for n in graph.nodes[:-1]]
    free = Graph(
        [*nodes, node], graph.outputs, specs=dict(zip([*graph.inputs, *node.outputs], [*opened, *specs], strict=True))
    )
    engine = OpenVINOEngine.build(free, weights)
    for name, x in engine.run(feeds).items():
        np.testing.assert_allclose(x, fixed[name], rtol=1e-5, atol=1e-5)
