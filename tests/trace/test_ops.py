"""The operator graph against the model itself: the same tensors, bit for bit, under the same names."""

import numpy as np
import pytest
import torch
import torchvision
from tracing_models import Caching, InPlace, Transformer, randomised

from workbench.errors import WorkbenchError
from workbench.trace.ops import Exported
from workbench.trace.record import record


def deeplab():
    return torchvision.models.segmentation.deeplabv3_resnet50(weights_backbone=None)


MODELS = {
    "resnet18": (torchvision.models.resnet18, (1, 3, 64, 64)),
    "mobilenet_v3_small": (torchvision.models.mobilenet_v3_small, (2, 3, 64, 64)),
    "deeplabv3_resnet50": (deeplab, (1, 3, 65, 65)),
    "in-place": (InPlace, (1, 3, 4, 4)),
    "caching": (Caching, (1, 3, 4, 4)),
}


@pytest.mark.parametrize("name", MODELS)
def test_operators_give_the_modules_own_tensors(name):
    make, shape = MODELS[name]
    torch.manual_seed(0)
    model, x = randomised(make()), torch.randn(shape)
    exported = Exported(model, x)
    ops, modules = record(model, x, exported=exported), record(model, x)
    assert ops.deterministic and modules.deterministic and not ops.notes
    named = modules.paths()
    assert [p for p in exported.paths() if p.tie in {q.tie for q in named}] == named
    for path in named:
        np.testing.assert_array_equal(ops[path.tie], modules[path.tie], err_msg=str(path.tie))
        assert (ops[path.tie].shape, str(ops[path.tie].dtype)) == (path.shape, path.dtype)


def test_an_in_place_relu_that_is_called_twice():
    model, x = randomised(torchvision.models.resnet18()), torch.randn(1, 3, 64, 64)
    trace = record(model, x, exported=Exported(model, x), wanted=["layer1.0.bn1", "layer1.0.relu", "layer1.0.relu@1"])
    assert trace["layer1.0.bn1"].min() < 0, "overwritten by the ReLU after it"
    np.testing.assert_array_equal(np.maximum(trace["layer1.0.bn1"], 0), trace["layer1.0.relu"])
    assert not np.array_equal(trace["layer1.0.relu"], trace["layer1.0.relu@1"])


def transformer():
    torch.manual_seed(0)
    model, example = randomised(Transformer()), {"gain": torch.tensor(2.0), "x": torch.randn(2, 5, 16)}
    return model, example


def test_operators_inside_a_module_and_nested_outputs():
    model, example = transformer()
    exported = Exported(model, example)
    trace = record(model, example, exported=exported)
    q = trace["attention/unbind.0"]
    k, weights, v = trace["attention@1/unbind.0:1"], trace["attention@1:1"], trace["attention@1/unbind.0:2"]
    assert q.shape == k.shape == (2, 2, 5, 8)
    np.testing.assert_allclose(weights @ v, trace["attention@1/matmul.1"], rtol=1e-5, atol=1e-6)
    result = model(**example)
    np.testing.assert_array_equal(trace["output"], result["logits"].detach())
    np.testing.assert_array_equal(trace["output:2"], result["rest"][1].detach())
    np.testing.assert_array_equal(trace["input"], example["x"])
    np.testing.assert_array_equal(trace["input:1"], example["gain"])
    assert "norm@1" in trace, "a module under two names has its first, and its calls are counted together"


def test_an_unknown_operator_names_the_nearest():
    model, example = transformer()
    with pytest.raises(WorkbenchError, match=r"(?s)no tensor 'attention/matmul.2'.*attention/matmul.1"):
        Exported(model, example).value("attention/matmul.2")


def test_live_bytes_of_a_chain():
    chain = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 1), torch.nn.ReLU(inplace=True), torch.nn.Conv2d(8, 4, 1))
    x = torch.randn(1, 3, 10, 10)
    assert Exported(chain, x).live_bytes() == 4 * 100 * (8 + 4), "the ReLU takes none, the input is no longer needed"
