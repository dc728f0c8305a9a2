"""Every case of every layer on the emulator: it agrees with the torch reference within the published tolerance."""

import numpy as np
import pytest
from layer_testing import CASES, graph_of, run_reference

from workbench.compare.verdict import error, tolerance
from workbench.engines.cuda.engine import EmulatorEngine
from workbench.layers.activation import ACTS

pytestmark = pytest.mark.emulator


@pytest.mark.parametrize("tag, case", CASES)
def test_the_emulator_agrees_with_the_reference(tag, case):
    graph = graph_of(tag, case)
    node = graph.nodes[-1]
    feeds, weights, want, exact64 = run_reference(graph, case, np.random.default_rng(0))
    with EmulatorEngine.build(graph, weights) as engine:
        got = engine.run(feeds, check=False)
    for name, r in want.items():
        exact = (node.layer.exact and ACTS[node.act.name].exact) or graph.specs[name].dtype != "f32"
        assert got[name].dtype == r.dtype
        assert error(got[name], r) <= tolerance(error(r, exact64[name]), exact=exact), name
