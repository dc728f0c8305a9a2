"""EfficientNet-B0 as a config from the field against efficientnet_pytorch."""

import numpy as np
import pytest
import torch
from parity import (
    ROOT,
    assert_agree,
    assert_every_tensor_counts,
    needs_specimens,
    open_network,
    picture,
    randomise,
)

pytestmark = [needs_specimens, pytest.mark.slow]
PARAMS = {
    "MODEL_CODE": "b0", "MAKE_ENGINE": 1, "LICENSE_FILE": "-", "ENGINE_FILE": "", "WEIGHT_FILE": "", "CACHE_FILE": "-",
    "DICT_FILE": ROOT / "layer_dict_V5.1.0.dct", "LOG_DIR": "-", "PLUGIN_DIR": "-", "BATCH_SIZE": 2,
    "CLASS_COUNT": 10, "INPUT_SIZE": (224, 224),
}  # fmt: skip
MEAN, STD = np.array([123.675, 116.28, 103.53]), np.array([58.395, 57.12, 57.375])
LIMIT = 1e-4


def test_efficientnet_b0():
    original = pytest.importorskip("efficientnet_pytorch", reason="efficientnet_pytorch (extra models)")
    torch.manual_seed(0)
    model = original.EfficientNet.from_name("efficientnet-b0", num_classes=10)
    model.set_swish(memory_efficient=False)
    model = randomise(model)
    pictures = picture(2, 224, 224)
    x = torch.from_numpy(((pictures[..., ::-1] - MEAN) / STD).transpose(0, 3, 1, 2).astype(np.float32))
    network, logits, ran = open_network(ROOT / "efficientnet-b0.cfg", PARAMS, x, model)
    graph = network.parsed.graph
    dense = next(n for n in graph.nodes if n.tag == "dense")
    originals = {"FIN": torch.softmax(logits, 1).numpy(), dense.outputs[0]: logits.numpy()}
    # Linear projections have no activation after their batch norm: the maps between blocks.
    plain = [
        n.outputs[0]
        for n in graph.body
        if n.tag == "conv2d" and n.act.name == "identity" and n.layer.weight_order == "wrbmv"
    ]
    maps = [y for m, y in ran if m in [b._bn2 for b in model._blocks]]
    originals |= dict(zip(plain, maps, strict=True))
    with network.build("openvino", "f32", taps=[*plain, dense.outputs[0]], threads=1) as engine:
        assert_agree(engine.run(pictures), originals, LIMIT)
    assert_every_tensor_counts(network, pictures, originals, LIMIT, every=9)
