"""Weights taken from a model must make the torch reference of the config give the model's own output."""

import numpy as np
import pytest
import torch
from torch import nn

from workbench import shapes
from workbench.compare.verdict import error
from workbench.config.parse import parse_config
from workbench.engines.reference import ReferenceEngine
from workbench.errors import WorkbenchError
from workbench.trace.modules import Modules
from workbench.trace.ops import Exported
from workbench.weights.from_torch import weights_from_list, weights_from_model
from workbench.weights.spec import plan_weights

# Folding and another order of the same sums: each of a few layers may add a rounding of its range.
ROUNDING = 16 * 2.0**-23


class Bare(nn.Module):
    """A norm, a matrix product and a bias that are written out with bare parameters."""

    def __init__(self):
        super().__init__()
        self.gamma, self.beta = nn.Parameter(torch.randn(6, 1)), nn.Parameter(torch.randn(6, 1))
        self.table, self.shift = nn.Parameter(torch.randn(6, 5)), nn.Parameter(torch.randn(5))

    def forward(self, x):  # [n, 6, 4]
        mean = x.mean(1, keepdim=True)
        y = (x - mean) / torch.sqrt((x - mean).pow(2).mean(1, keepdim=True) + 1e-6)
        y = (self.gamma * y + self.beta).transpose(1, 2)
        return y @ self.table + self.shift


class First(nn.Module):
    def __init__(self, lstm):
        super().__init__()
        self.lstm = lstm

    def forward(self, x):
        return self.lstm(x)[0]


def drawn(model):
    """All float tensors drawn anew, so that no gamma of ones or mean of zeros hides an error."""
    torch.manual_seed(0)
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            if tensor.is_floating_point():
                tensor.uniform_(0.5, 1.5) if name.endswith("var") else tensor.uniform_(-0.7, 0.9)
    return model.eval()


def plan_of(lines, shape):
    sizes = ",".join(map(str, shape))
    graph = parse_config(f"[input] refname=x shape={sizes} dtype=f32\n{lines}\n[output] refname=*").graph
    shapes.infer(graph)
    return graph, plan_weights(graph)


def taken(model, lines, shape, original=Exported):
    graph, plan = plan_of(lines, shape)
    x = torch.randn(shape)
    found = weights_from_model(graph, plan, original(model, x))
    engine = ReferenceEngine(graph, plan.split(found.values))
    return found, error(next(iter(engine.run(x.numpy()).values())), model(x).detach().numpy())


CONV_BN = nn.Sequential(nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4, eps=1e-3), nn.SiLU())
CONV = "[conv2d] channel=4 kernel=3"
CASES = {
    "batch norm kept": (CONV_BN, f"{CONV} weight_order=wrbmv bn_eps=1e-3 act=silu name=2", (2, 3, 6, 6)),
    "batch norm folded": (CONV_BN, f"{CONV} weight_order=wa act=silu name=2", (2, 3, 6, 6)),
    "a norm of its own": (
        CONV_BN, f"{CONV} weight_order=w name=0\n[bn] weight_order=rbmv bn_eps=1e-3 act=silu name=2", (1, 3, 6, 6)),
    "a norm as w and a": (
        CONV_BN, f"{CONV} weight_order=w name=0\n[bn] weight_order=wa act=silu name=2", (1, 3, 6, 6)),
    "a norm without gamma": (
        nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4, affine=False)),
        "[conv2d] channel=4 kernel=1 weight_order=warbmv name=1", (1, 3, 5, 5)),
    "deconvolution, groups, folded": (
        nn.Sequential(nn.ConvTranspose2d(4, 6, 2, 2, groups=2), nn.BatchNorm2d(6)),
        "[deconv2d] channel=6 kernel=2 stride=2 group=2 weight_order=wa name=1", (1, 4, 3, 3)),
    "dense": (nn.Sequential(nn.Linear(6, 5), nn.Tanh()), "[dense] hidden=5 weight_order=wa act=tanh name=1", (2, 6)),
    "a dense of a 1x1 convolution": (
        nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(6, 5, 1), nn.Flatten()),
        "[pool2d] mode=adapavg output_size=1,1 name=0\n[reshape] shape=2,6 name=0 view=shape:2,6\n"
        "[dense] hidden=5 weight_order=wa name=2", (2, 6, 4, 4)),
    "written out": (
        Bare(), "[norm] mode=layer axis=1 eps=1e-6 weight_order=rb name=/add.1\n[trans] order=0,2,1 name=/transpose.0\n"
        "[dense] hidden=5 weight_order=wa name=output", (2, 6, 4)),
    "lstm": (First(nn.LSTM(4, 3, 2, batch_first=True, bidirectional=True)),
             "[lstm] layer_counts=2 hiddens=3 direction=bidirection name=lstm", (2, 5, 4)),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_the_config_gives_the_models_output(name):
    model, lines, shape = CASES[name]
    found, worst = taken(drawn(model), lines, shape)
    assert worst <= ROUNDING and not found.warnings
    assert all(row.source for row in found.ledger.rows)


@pytest.mark.parametrize("name", ["batch norm kept", "batch norm folded", "a norm of its own", "dense"])
def test_modules_alone_give_the_same_weights(name):
    model, lines, shape = CASES[name]
    by_export, by_modules = (taken(drawn(model), lines, shape, kind)[0] for kind in (Exported, Modules))
    np.testing.assert_array_equal(by_export.values, by_modules.values)


def test_source_overrides_a_letter_with_a_part_of_a_parameter():
    model = nn.MultiheadAttention(6, 1, batch_first=True)
    graph, plan = plan_of("[dense] hidden=6 weight_order=wa source=w:in_proj_weight:6:12,a:in_proj_bias:12:", (2, 6))
    x = torch.randn(1, 3, 6)
    found = weights_from_model(graph, plan, Exported(model.eval(), (x, x, x)))
    state = model.state_dict()
    want = torch.cat([state["in_proj_weight"][6:12].flatten(), state["in_proj_bias"][12:]])
    np.testing.assert_array_equal(found.values, want.numpy())
    assert "out_proj.weight" in str(found.warnings[0])


def test_source_takes_rows_of_every_group():
    """The keys of a fused projection that holds q, k, v of each head together (heads of 2, of every 6 rows)."""
    model = nn.Linear(4, 12)
    source = "source=w:weight:2:4:6,a:bias:2:4:6"
    graph, plan = plan_of(f"[dense] hidden=4 weight_order=wa {source} name=output view=shape:-1,4", (2, 4))
    found = weights_from_model(graph, plan, Exported(model.eval(), (torch.randn(1, 4),)))
    rows = [2, 3, 8, 9]
    want = torch.cat([model.weight[rows].flatten(), model.bias[rows]])
    np.testing.assert_array_equal(found.values, want.detach().numpy())


def test_source_tells_groups_that_do_not_divide():
    graph, plan = plan_of("[dense] hidden=4 weight_order=wa source=w:weight:2:4:5,a:bias:2:4:5 name=output", (2, 4))
    with pytest.raises(WorkbenchError, match="12 rows do not divide into groups of 5"):
        weights_from_model(graph, plan, Exported(nn.Linear(4, 12).eval(), (torch.randn(1, 4),)))


TWO = nn.Sequential(nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 4, 3))
PRE = nn.Sequential(nn.BatchNorm2d(3), nn.ReLU(), nn.Conv2d(3, 4, 3))
WRONG = [
    (TWO, f"{CONV} name=3", r"spans 2 layers with weights: 0/conv2d.0 \(conv2d\), 3/conv2d.0"),
    (TWO, f"{CONV} weight_order=w name=2", r"no place for the bias that folding 1/batch_norm.0"),
    (TWO, f"{CONV} weight_order=wbmv name=2", r"also reads r \(gamma\) 1.weight(?s:.*)wrbmv"),
    (TWO, f"{CONV} weight_order=wa name=0", r"no a \(bias\) here: it has w 0.weight"),
    (TWO, f"{CONV},1 name=2", r"weight w: expected \[4, 3, 3, 1\]; got \[4, 3, 3, 3\] from 0.weight"),
    (TWO, f"{CONV}", r"has no tie(?s:.*)source=w:PARAMETER,a:PARAMETER"),
    (TWO, f"{CONV} name=4", r"no tensor '4'"),
    (TWO, f"{CONV} source=w:0.wight,a:1.bias", r"no parameter '0.wight'(?s:.*)0.weight"),
    (TWO, f"[activation] act=relu name=2\n{CONV} name=3 weight_order=wrbmv input=x", "spans 2 layers with weights"),
    (PRE, f"{CONV} name=2", r"0/batch_norm.0 does not come right after a kernel"),
    (nn.Conv2d(3, 4, 3), f"{CONV} weight_order=w name=output", r"also reads a \(bias\) bias(?s:.*)=wa"),
    (nn.Conv2d(3, 3, (5, 3)), "[conv2d] channel=3 kernel=3,5 name=output", r"(?s)transposed\? .*0,1,3,2 would fit"),
]  # fmt: skip


@pytest.mark.parametrize("model, lines, message", WRONG)
def test_what_does_not_fit_is_told_at_its_line(model, lines, message):
    with pytest.raises(WorkbenchError, match=message) as caught:
        taken(drawn(model), lines, (1, 3, 9, 9))
    errors = getattr(caught.value, "errors", [caught.value])
    assert all(str(e.where).startswith("<config>:") for e in errors)


def test_eps_of_another_value_and_unread_tensors_are_warnings():
    model, lines, shape = CASES["batch norm kept"]
    found, _ = taken(drawn(model), lines.replace("bn_eps=1e-3", ""), shape)
    assert "bn_eps=1e-05, but the original's 1/batch_norm.0 has 0.001" in str(found.warnings[0])
    found, _ = taken(drawn(TWO), "[conv2d] channel=4 kernel=3 name=2", (1, 3, 9, 9))
    assert "2 tensors of the model are read by no line: 3.weight, 3.bias" in str(found.warnings[0])


def test_a_list_in_the_users_order():
    _, plan = plan_of(f"{CONV} weight_order=wa\n[conv2d] channel=2 kernel=1 weight_order=w", (1, 3, 9, 9))
    arrays = {"k": np.ones((4, 3, 3, 3)), "b": torch.zeros(4), "last": np.full((2, 4, 1, 1), 2.0)}
    found = weights_from_list(plan, arrays)
    assert [row.source for row in found.ledger.rows] == ["k", "b", "last"] and found.values.sum() == 108 + 16
    for names, message in [
        ("kb", r"<config>:3(?s:.*)the list ends before weight w \[2, 4, 1, 1\]"),
        (["k", "last"], r"(?s)<config>:2.*weight a: expected \[4\]; got \[2, 4, 1, 1\].*missing before it"),
        (["k", "k", "b", "last"], r"(?s)weight a: expected \[4\].*one too many"),
        (["k", "b", "last", "b"], r"1 tensors are left over, the first \[3\] \[4\]"),
    ]:  # fmt: skip
        with pytest.raises(WorkbenchError, match=message):
            weights_from_list(plan, [arrays[n] for n in names])
