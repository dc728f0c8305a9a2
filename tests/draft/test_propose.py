"""Every proposed line, parsed and run, equals the module it was proposed for."""

import pytest
import torch
from torch import nn

from workbench.draft.propose import propose
from workbench.session import Session

MODULES = [
    (nn.Conv2d(4, 6, (3, 5), stride=2, padding=(1, 2), bias=False), (2, 4, 9, 11)),
    (nn.Conv2d(4, 8, 3, dilation=2, groups=2), (1, 4, 9, 9)),
    (nn.ConvTranspose2d(4, 6, 3, stride=2, padding=1, output_padding=1), (1, 4, 5, 7)),
    (nn.BatchNorm2d(4, eps=1e-3), (2, 4, 5, 5)),
    (nn.Linear(7, 5, bias=False), (3, 7)),
    (nn.MaxPool2d(3, 2, 1, ceil_mode=True), (1, 4, 8, 8)),
    (nn.AvgPool2d(3, 2, 1), (1, 4, 9, 8)),
    (nn.AdaptiveAvgPool2d((2, 3)), (1, 4, 7, 7)),
    (nn.Upsample(scale_factor=2), (1, 3, 4, 5)),
    (nn.Softmax(1), (2, 9)),
    (nn.PixelShuffle(2), (1, 8, 3, 4)),
    (nn.LayerNorm(6, eps=1e-6), (2, 5, 6)),
    (nn.LeakyReLU(0.2), (2, 5)),
    (nn.GELU(approximate="tanh"), (2, 5)),
    (nn.ELU(0.7), (2, 5)),
]


@pytest.mark.parametrize("module, shape", MODULES, ids=lambda v: type(v).__name__ if isinstance(v, nn.Module) else "")
def test_the_line_does_what_the_module_does(module, shape):
    torch.manual_seed(0)
    for parameter in module.parameters():
        nn.init.normal_(parameter)
    line = propose(module, "0")
    config = f"[input] refname=X shape={','.join(map(str, shape))} dtype=f32\n{line}\n[output] refname=*\n"
    report = Session(nn.Sequential(module), torch.randn(shape), config).check()
    assert report.passed, str(report)


def test_what_no_single_layer_does_is_not_proposed():
    assert propose(nn.Sequential(nn.ReLU()), "0") == ""
    assert propose(nn.Conv2d(1, 1, 4, padding="same"), "0") == ""
