"""What OpenVINO says of a compiled network: its operators in order, what is fused, sizes."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.engines.build import load_network
from workbench.engines.openvino_told import operators

CONFIG = """[input] refname=X shape={batch},3,8,8 dtype=f32
[conv2d] channel=4 kernel=3 pad=1 weight_order=wa act=relu refname=A
[pool2d] mode=max kernel=2 stride=2 refname=P
[output] refname=P
"""


@pytest.mark.parametrize(("declared", "batch"), [("2", 1), ("-1", 5)])
def test_operators_in_order_with_their_bytes(declared: str, batch: int) -> None:
    weights = np.arange(4 * 3 * 9 + 4, dtype=np.float32)
    with load_network(CONFIG.format(batch=declared), None, weights).build("openvino", "f32") as engine:
        found = operators(engine, batch)  # type: ignore[arg-type]
    size = 2 if declared == "2" else batch
    named = {part: op for op in found for part in op.parts}
    assert named["conv2d:A"].nbytes == 4 * size * 4 * 8 * 8 and named["pool2d:P"].nbytes == 4 * size * 4 * 4 * 4
    assert len(named["conv2d:A"].parts) == 3  # convolution, bias and activation in one
    assert not any(op.kind == "Const" for op in found)
    assert all(source < step for step, op in enumerate(found) for source in op.reads)
