"""Every case of every layer: the stated shape and dtype hold, and each engine agrees with the torch reference."""

from dataclasses import replace

import numpy as np
import pytest
from layer_testing import CASES, draw, graph_of, run_reference, weights_of

from workbench.compare.verdict import error, tolerance
from workbench.engines.base import fits
from workbench.engines.openvino import OpenVINOEngine
from workbench.graph import DTYPES, Graph, TensorSpec
from workbench.layers.activation import ACTS
from workbench.layers.input import Input


@pytest.mark.parametrize("tag, case", CASES)
def test_engines_agree_with_the_reference(tag, case):
    graph = graph_of(tag, case)
    node = graph.nodes[-1]
    feeds, weights, want, exact64 = run_reference(graph, case, np.random.default_rng(0))
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
