"""Inception-ResNet-v2 in this language against timm: scale on conv2d, and batch norms without gamma (wbmv)."""

import numpy as np
import pytest
import torch
from parity import assert_agree, assert_every_tensor_counts, open_network, picture, randomise

from workbench.paths import configs_dir

pytestmark = pytest.mark.slow
LIMIT = 1e-4
SIZE = (139, 155)


def test_inception_resnet_v2():
    timm = pytest.importorskip("timm", reason="timm (extra models) is the original of inception_resnet_v2")
    torch.manual_seed(0)
    model = randomise(timm.create_model("inception_resnet_v2", num_classes=10))
    for m in model.modules():
        if isinstance(m, torch.nn.BatchNorm2d):
            torch.nn.init.ones_(m.weight)
    pictures = picture(2, SIZE[0] + 4, SIZE[1] + 4)[:, : SIZE[0], : SIZE[1]]
    x = torch.from_numpy((pictures.transpose(0, 3, 1, 2).astype(np.float32) - 127.5) / 127.5)
    params = {"BATCH": 2, "SIZE": SIZE, "CLASSES": 10}
    blocks = {}
    for name, m in model.named_modules():  # the outputs of whole blocks, by the names that the config ties them to
        m.register_forward_hook(lambda m, _, y, name=name: blocks.__setitem__(name, y.numpy().copy()))
    network, logits, _ = open_network(configs_dir() / "inception_resnet_v2.cfg", params, x, model)
    originals = {n.outputs[0]: blocks[n.tie] for n in network.parsed.graph.body if n.tie}
    assert len(originals) > 200 and np.array_equal(originals["LOGITS"], logits.numpy())
    with network.build("openvino", "f32", list(originals), 1) as engine:
        assert_agree(engine.run(pictures), originals, LIMIT)
    assert_every_tensor_counts(network, pictures, originals, LIMIT, every=150)
