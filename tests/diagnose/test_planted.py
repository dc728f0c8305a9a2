"""Planted faults: every one must be located at its line, and its cause be among those named."""

import pytest
import torch
from torch import nn

from workbench import Session


class Net(nn.Module):
    """Small, but with most kinds of layers that a config has, in an order in which each can be told apart."""

    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8, eps=1e-3)
        self.pool = nn.AvgPool2d(3, 2, padding=1)
        self.conv2, self.bn2 = nn.Conv2d(8, 8, 3, padding=1), nn.BatchNorm2d(8)
        self.deep = nn.Conv2d(8, 8, 3, padding=2, dilation=2, groups=2)
        self.maxp = nn.MaxPool2d(2)
        self.up = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)
        self.mix = nn.Conv2d(16, 8, 1)
        self.norm, self.fc1, self.fc2 = nn.LayerNorm(8), nn.Linear(8, 8), nn.Linear(8, 8)
        self.last = nn.Softmax(1)

    def forward(self, x):
        a = torch.nn.functional.silu(self.bn1(self.conv1(x)))
        p = self.pool(a)
        b = torch.nn.functional.leaky_relu(self.bn2(self.conv2(p)), 0.1)
        c = torch.relu(self.deep(b))
        d = self.up(self.maxp(c))
        e = self.mix(torch.cat([d, b], 1))
        f = e - c
        h, k = f.chunk(2, 1)
        g = torch.cat([k, h], 1)[:, :, 1:4]
        t = g.flatten(2).permute(0, 2, 1)
        u = torch.nn.functional.gelu(self.fc1(self.norm(t)))
        v = self.fc2(u) + t
        return self.last(v * 3.0 + 0.5)


CONFIG = """\
[input] refname=X shape=2,3,12,12 dtype=f32
[conv2d] channel=8 kernel=3 pad=1 weight_order=wrbmv bn_eps=1e-3 act=silu refname=A name=/silu.0
[pool2d] mode=avg kernel=3 stride=2 pad=1 count_include_pad=1 refname=P name=pool
[conv2d] channel=8 kernel=3 pad=1 weight_order=wa act=leaky act_alpha=0.1 refname=B name=/leaky_relu.0
[conv2d] channel=8 kernel=3 pad=2 dilation=2 group=2 act=relu refname=C name=/relu.0
[pool2d] kernel=2 stride=2 name=maxp
[resize] mode=bilinear factor=2 refname=D name=up
[concat] input=D,B axis=1 name=/cat.0
[conv2d] channel=8 kernel=1 refname=E name=mix
[eltwise] mode=sub input=E,C refname=F name=/sub.0
[chunk] count=2 axis=1 refname=H,K name=/chunk.0
[concat] input=K,H axis=1 name=/cat.1
[slice] start=0,0,1,0 shape=-1,-1,3,-1 name=/slice.0
[reshape] shape=2,8,18 name=/flatten.0
[trans] order=0,2,1 refname=T name=/permute.0
[norm] mode=layer weight_order=rb name=norm
[dense] hidden=8 act=gelu name=/gelu.0
[dense] hidden=8 name=fc2
[eltwise] mode=add input=*,T name=/add.0
[scale] scale=3 shift=0.5 name=/add.1
[softmax] axis=1 refname=Y name=last
[output] refname=Y
"""

PLANTED = [  # line, what stands there, what is put there, the cause
    (2, "act=silu", "act=relu", "activation"),
    (2, " act=silu", "", "activation"),
    (2, "bn_eps=1e-3", "bn_eps=1e-5", "bn_eps"),
    (2, "pad=1", "pad=1,1,2,0", "padding"),
    (2, "pad=1", "pad=0", "padding"),
    (2, "kernel=3 pad=1", "kernel=5 pad=2", "kernel"),
    (2, "channel=8", "channel=6", "channel"),
    (2, "weight_order=wrbmv", "weight_order=w", "bias"),  # what is folded in needs no more than that
    (2, "weight_order=wrbmv", "weight_order=wrbmv source=r:bn1.bias,b:bn1.weight", "gamma_beta_swapped"),
    (2, "weight_order=wrbmv", "weight_order=wrbmv source=m:bn1.running_var,v:bn1.running_mean", "mean_var_swapped"),
    (3, "mode=avg", "mode=max", "pool_mode"),
    (3, "count_include_pad=1", "count_include_pad=0", "count_include_pad"),
    (3, "stride=2", "stride=1", "stride"),
    (3, "stride=2", "stride=2 ceil_mode=1", "ceil_mode"),
    (4, "act_alpha=0.1", "act_alpha=0.2", "act_alpha"),
    (4, " act=leaky", "", "activation"),
    (4, "weight_order=wa", "weight_order=w", "bias"),
    (5, "dilation=2 ", "", "dilation"),
    (5, "group=2", "group=1", "group"),
    (5, "group=2", "group=2 scale=0.3", "layer_scale"),
    (7, "mode=bilinear", "mode=nearest", "resize_mode"),
    (7, "factor=2", "factor=2 corner_align=1", "corner_align"),
    (7, "factor=2", "factor=3", "resize_size"),
    (8, "input=D,B", "input=B,D", "input_order"),
    (8, "axis=1", "axis=3", "concat_axis"),
    (9, "refname=E", "refname=E input=B", "wrong_input"),
    (10, "mode=sub", "mode=add", "eltwise_mode"),
    (10, "input=E,C", "input=C,E", "input_order"),
    (10, "input=E,C", "input=E,B", "wrong_input"),
    (12, "input=K,H", "input=H,K", "input_order"),
    (13, "start=0,0,1,0", "start=0,0,2,0", "slice_start"),
    (13, "3,-1", "2,-1", "slice_size"),
    (14, "shape=2,8,18", "shape=2,18,8", "reshape_shape"),
    (15, "order=0,2,1", "order=0,1,2", "trans_order"),
    (16, "weight_order=rb", "weight_order=rb eps=1e-2", "norm_eps"),
    (16, "mode=layer", "mode=layer axis=1", "norm_axis"),
    (16, "weight_order=rb", "weight_order=r", "norm_weights"),
    (17, "act=gelu", "act=gelu2", "activation"),
    (17, "hidden=8", "hidden=9", "channel"),
    (20, "scale=3", "scale=2", "scale_shift"),
    (20, "shift=0.5", "shift=0.25", "scale_shift"),
    (21, "axis=1", "axis=2", "softmax_axis"),
]  # fmt: skip


@pytest.fixture(scope="module")
def session() -> Session:
    torch.manual_seed(0)
    model = Net()
    for m in model.modules():
        if isinstance(m, nn.BatchNorm2d):
            m.running_mean.normal_(std=0.3)
            m.running_var.uniform_(0.05, 2)
            m.weight.data.uniform_(0.5, 2)
            m.bias.data.normal_()
        elif isinstance(m, nn.LayerNorm):
            m.weight.data.uniform_(0.5, 2)
            m.bias.data.normal_()
    return Session(model, torch.randn(2, 3, 12, 12), CONFIG, threads=1)


@pytest.mark.parametrize("line, old, new, cause", PLANTED, ids=[f"{c}-{n}" for _, _, n, c in PLANTED])
def test_a_planted_fault_is_located_and_its_cause_named(session, line, old, new, cause):
    lines = CONFIG.splitlines()
    assert old in lines[line - 1]
    lines[line - 1] = lines[line - 1].replace(old, new)
    session.document.replace_text("\n".join(lines) + "\n")
    found = session.diagnose()
    assert found.where.line == line, str(found)
    assert cause in [f.cause for f in found.findings], str(found)
    assert not found.clean and found.seconds < 10
    fix = next(f for f in found.findings if f.cause == cause)
    before = session.document.text
    session.apply(fix)
    assert session.diagnose().clean, str(fix)
    assert session.undo() and session.document.text == before


def test_a_right_config_is_clean(session):
    session.document.replace_text(CONFIG)
    found = session.diagnose()
    assert found.clean and found.where is None and not found.findings, str(found)
