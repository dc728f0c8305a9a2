import pytest
import torch
from torch import nn
from tracing_models import Branching, InPlace, Transformer, randomised

from workbench.errors import WorkbenchError
from workbench.trace.modules import Modules
from workbench.trace.ops import Exported


@pytest.fixture(scope="module")
def transformer():
    torch.manual_seed(0)
    return Exported(randomised(Transformer()), {"x": torch.randn(2, 5, 16), "gain": torch.tensor(2.0)})


def letters(span):
    return [(w.letter, w.name) for w in span.weights]


SPANS = [
    ("norm", "input", "add layer_norm", [("w", "position"), ("r", "norm.weight"), ("b", "norm.bias")]),
    ("norm", "/add.0", "layer_norm", [("r", "norm.weight"), ("b", "norm.bias")]),
    ("norm@1", "/add.1", "layer_norm", [("r", "norm.weight"), ("b", "norm.bias")]),
    ("attention.qkv@1", "norm@1", "linear", [("w", "attention.qkv.weight"), ("a", "attention.qkv.bias")]),
    ("attention@1/matmul.0", "attention@1/unbind.0 attention@1/unbind.0:1", "transpose mul matmul", []),
    ("attention/unbind.0:2", "attention.qkv", "reshape permute unbind", []),
    ("output", "/add.2", "matmul add", [("w", "head"), ("w", "shift")]),
    ("input", "", "", []),
    ("act", "act", "", []),
]


@pytest.mark.parametrize("target, inputs, operators, weights", SPANS)
def test_spans(transformer, target, inputs, operators, weights):
    span = transformer.span([target], inputs.split())
    assert [op.name for op in span.operators] == operators.split()
    assert letters(span) == weights
    assert span.escapes == (() if target != "input" else tuple(transformer.input_ties()[:1]))


def test_a_span_tells_transposition_activations_and_eps(transformer):
    assert [w.transposed for w in transformer.span(["output"], ["/add.2"]).weights] == [True, False]
    assert transformer.span(["act"], ["norm"]).acts == ["relu"]
    assert transformer.span(["norm"], ["input"]).eps == [1e-5]


def test_a_span_that_its_inputs_do_not_close_says_so(transformer):
    assert [str(t) for t in transformer.span(["attention.qkv@1"], ["norm"]).escapes] == ["input"]
    assert not transformer.span(["attention.qkv@1"], ["/add.1"]).escapes


def test_writes_through_views_belong_to_the_span():
    exported = Exported(InPlace(), torch.randn(1, 3, 4, 4))
    names = [op.name for op in exported.span(["output"], ["conv"]).operators]
    assert names == ["relu", "select", "add", "select", "copy", "mul"]
    assert [op.name for op in exported.span(["same@1"], ["act"]).operators] == ["select", "add", "select", "copy"]


def test_a_weight_that_is_computed_from_parameters():
    model = nn.utils.parametrizations.weight_norm(nn.Conv2d(3, 4, 1))
    span = Exported(model, torch.randn(1, 3, 2, 2)).span(["output"], ["input"])
    kernel = next(w for w in span.weights if w.letter == "w")
    torch.testing.assert_close(kernel.read(None), model.weight.detach())
    assert set(kernel.names) == {"parametrizations.weight.original0", "parametrizations.weight.original1"}


class Anchored(nn.Module):
    """A constant that takes its shape from the data, as detectors make their strides."""

    def __init__(self):
        super().__init__()
        self.conv, self.step = nn.Conv2d(3, 4, 1), nn.Parameter(torch.tensor(3.0))

    def forward(self, x):
        y = self.conv(x)
        return y.sigmoid() + (y.new_ones(y.shape[-1]) * self.step)


def test_shapes_are_no_data():
    exported = Exported(Anchored(), torch.randn(1, 3, 4, 5))
    span = exported.span(["/add.0"], ["/sigmoid.0"])
    assert [op.name for op in span.operators] == ["add"] and not span.escapes
    assert span.weights[0].read(None).tolist() == [3.0] * 5


@pytest.mark.parametrize("kind", [Exported, Modules])
def test_recurrent_weights_come_in_pytorchs_order(kind):
    model = nn.Sequential(nn.Linear(4, 4), nn.LSTM(4, 3, bidirectional=True, batch_first=True))
    span = kind(model, torch.randn(2, 5, 4)).span(["1"], ["0"])
    assert letters(span) == [("", f"1.{name}") for name, _ in model[1].named_parameters()]


def test_modules_alone_find_the_siblings_before():
    model = randomised(Branching())
    modules = Modules(model, torch.rand(1, 3, 8, 8))
    norm = {"r": "bn.weight", "b": "bn.bias", "m": "bn.running_mean", "v": "bn.running_var"}
    every = [("w", "conv.weight"), *norm.items()]
    assert letters(modules.span(["act"], ["input"])) == every
    assert letters(modules.span(["bn"], ["conv"])) == every[1:]
    assert letters(modules.span(["conv"], ["input"])) == every[:1]
    with pytest.raises(WorkbenchError, match=r"names an operator, but torch\.export cannot follow"):
        modules.span(["/relu.0"], ["input"])
