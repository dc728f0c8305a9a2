"""A [bn] line that follows a convolution is computed by it, and by no kernel of its own."""

import numpy as np
import pytest
from network_testing import random_feeds, random_weights

from workbench import shapes
from workbench.compare.verdict import error, tolerance
from workbench.config.parse import parse_config
from workbench.engines.cuda.engine import EmulatorEngine
from workbench.engines.reference import ReferenceEngine

pytestmark = pytest.mark.emulator
HEAD = "[input] refname=X shape=2,6,7,5 dtype=f32\n"
CONV = "[conv2d] channel=4 kernel=3 pad=1"
BN = "[bn] weight_order=rbmv bn_eps=1e-3"


@pytest.mark.parametrize(
    "body, taps, kernels",
    [
        (f"{CONV}\n{BN} act=relu\n", (), ["conv2d"]),
        (f"{CONV} weight_order=w scale=0.5\n{BN}\n", (), ["conv2d"]),
        (f"{CONV} weight_order=wrbmv\n[bn] weight_order=warbmv act=silu\n", (), ["conv2d"]),
        (f"{CONV}\n[bn]\n{BN}\n", (), ["conv2d", "affine"]),  # the first joins; what it makes is not seen again
        (f"{CONV} act=relu\n{BN}\n", (), ["conv2d", "affine"]),
        (f"{CONV} refname=A\n{BN} refname=B\n[eltwise] input=A,B mode=add\n", (), None),  # A is wanted elsewhere
        (f"{CONV} refname=A\n{BN}\n", ("A",), ["conv2d", "affine"]),
        (f"[deconv2d] channel=4 kernel=2 stride=2\n{BN}\n", (), None),
    ],
)
def test_a_batch_norm_joins_the_convolution_before_it(body, taps, kernels):
    parsed = parse_config(HEAD + body + "[output] refname=*\n")
    parsed.raise_errors()
    graph, rng = parsed.graph, np.random.default_rng(0)
    shapes.infer(graph)
    weights, feeds = random_weights(graph, rng), random_feeds(graph, rng)
    want, exact = (ReferenceEngine(graph, weights, precision=p, taps=taps).run(feeds) for p in ("f32", "f64"))
    with EmulatorEngine.build(graph, weights, taps=taps) as engine:
        got = engine.run(feeds)
        called = [call.kernel.function for call in engine.program(1).calls]
    assert (
        all(error(got[n], want[n]) <= tolerance(error(want[n], exact[n])) for n in want) and got.keys() == want.keys()
    )
    assert called == kernels if kernels else any(name.startswith("affine") for name in called)
