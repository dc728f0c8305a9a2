"""References that are not one torch call: they must give what PyTorch's own module gives, here in float64.

The two differ only in the order of their sums, so the tolerance is verdict's, at float64's spacing.
"""

import itertools

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from workbench.compare.verdict import C, error
from workbench.graph import TensorSpec
from workbench.layers import LAYERS

ULP64 = 2.0**-52


def agree(tag, keys, original, *x, weights=()):
    """The layer's shapes and values are those of `original`, a callable on the same tensors."""
    layer = LAYERS[tag].parse(dict(pair.split("=", 1) for pair in keys.split()))
    specs = [TensorSpec(tuple(t.shape)) for t in x]
    stated = layer.weights(*specs)
    assert [shape for _, shape in stated] == [tuple(p.shape) for p in weights]
    with torch.inference_mode():
        r = original(*x).numpy()
        y = layer.reference(torch, dict(zip([letter for letter, _ in stated], weights, strict=True)), *x).numpy()
    assert layer.infer(*specs)[0].shape == r.shape
    assert error(y, r) <= C * ULP64, f"{tag} {keys}"


def randn(*shape):
    return torch.from_numpy(np.random.default_rng(sum(shape)).standard_normal(shape))


def drawn(module):
    """The module in float64 with every parameter and statistic random, variances above zero."""
    module = module.double().eval()
    for name, t in itertools.chain(module.named_parameters(), module.named_buffers()):
        if t.is_floating_point():
            t.data.copy_(randn(*t.shape).abs() + 0.5 if "var" in name else randn(*t.shape))
    return module


WINDOWS = [(k, s, p) for k, s, p in itertools.product((1, 2, 3, 5), (1, 2, 3), (0, 1, 2)) if 2 * p <= k]


@pytest.mark.parametrize("ceil", [False, True])
def test_pools_are_torchs(ceil):
    for (k, s, p), hw in itertools.product(WINDOWS, ((7, 6), (8, 11), (5, 5))):
        keys, x = f"kernel={k} stride={s} pad={p} ceil_mode={ceil:d}", randn(2, 3, *hw)
        agree("pool2d", keys, nn.MaxPool2d(k, s, p, ceil_mode=ceil), x)
        for include in (False, True):
            average = nn.AvgPool2d(k, s, p, ceil_mode=ceil, count_include_pad=include)
            agree("pool2d", f"mode=avg {keys} count_include_pad={include:d}", average, x)
    dilated = nn.MaxPool2d(3, 2, 1, 2, ceil_mode=ceil)
    agree("pool2d", f"kernel=3 stride=2 pad=1 dilation=2 ceil_mode={ceil:d}", dilated, x)


@pytest.mark.parametrize("keys, pads", [("pad=1", (1,) * 4), ("pad=0,2,3,1", (3, 1, 0, 2)), ("pad=2,1", (1, 1, 2, 2))])
def test_pads_are_torchs(keys, pads):
    for mode in ("constant", "reflect", "replicate"):
        agree("pad", f"{keys} mode={mode}", lambda x, mode=mode: F.pad(x, pads, mode), randn(2, 3, 4, 5))


def test_transposed_convolutions_are_torchs():
    m = drawn(nn.ConvTranspose2d(6, 9, (3, 4), (3, 2), (1, 2), (2, 1), groups=3))
    keys = "channel=9 kernel=3,4 stride=3,2 pad=1,2 output_pad=2,1 group=3"
    agree("deconv2d", keys, m, randn(2, 6, 4, 5), weights=[m.weight, m.bias])
    m = drawn(nn.Sequential(nn.ConvTranspose1d(6, 4, 3, 2, 1, 1, groups=2, bias=False), nn.BatchNorm1d(4, 1e-3)))
    keys = "channel=4 kernel=3 stride=2 pad=1 output_pad=1 group=2 weight_order=wrbmv bn_eps=1e-3"
    bn = [m[1].weight, m[1].bias, m[1].running_mean, m[1].running_var]
    agree("deconv1d", keys, m, randn(2, 6, 5), weights=[m[0].weight, *bn])


def test_norms_are_torchs():
    x = randn(2, 6, 5, 4)
    for keys, m in (
        ("mode=layer", nn.LayerNorm(4)),
        ("mode=bert", nn.LayerNorm(4, 1e-12)),
        ("mode=instance", nn.InstanceNorm2d(6, affine=True)),
        ("mode=group group=3 eps=1e-3", nn.GroupNorm(3, 6, 1e-3)),
    ):
        agree("norm", f"{keys} weight_order=rb", drawn(m), x, weights=[m.weight, m.bias])
    over_channels = drawn(nn.LayerNorm(6, 1e-6))
    moved = lambda x: over_channels(x.movedim(1, -1)).movedim(-1, 1)  # noqa: E731
    agree("norm", "mode=nafnet weight_order=rb", moved, x, weights=[over_channels.weight, over_channels.bias])
    bn = drawn(nn.BatchNorm2d(6, 1e-3))
    parts = [bn.weight, bn.bias, bn.running_mean, bn.running_var]
    agree("bn", "weight_order=rbmv bn_eps=1e-3", bn, x, weights=parts)


@pytest.mark.parametrize("layers, both", [(1, False), (2, True)])
def test_lstm_reads_pytorchs_parameters_in_their_order(layers, both):
    m = drawn(nn.LSTM(3, 4, layers, bidirectional=both, batch_first=True))
    keys = f"layer_counts={layers} hiddens=4 direction={'bi' if both else 'uni'}direction"
    agree("lstm", keys, lambda x: m(x)[0], randn(2, 5, 3), weights=list(m.parameters()))


def test_attention_is_torchs_in_its_heads():
    q, k, v, mask = randn(2, 5, 8), randn(2, 7, 8), randn(2, 7, 8), randn(1, 1, 5, 7)

    def original(q, k, v, mask):
        q, k, v = (t.unflatten(2, (2, 4)).transpose(1, 2) for t in (q, k, v))
        return F.scaled_dot_product_attention(q, k, v, mask).transpose(1, 2).flatten(2)

    agree("attention", "head=2", original, q, k, v, mask)


def test_roialign_is_torchvisions():
    ops = pytest.importorskip("torchvision.ops", reason="torchvision (extra models) is the original of roialign")
    feeds = LAYERS["roialign"].CASES[0].feeds(np.random.default_rng(0))
    x = [torch.from_numpy(t).double() for t in feeds]
    for size, aligned, ratio, scale in itertools.product((1, 3, 7), (0, 1), (-1, 2), (1.0, 0.5)):
        keys = f"align_size={size} mode=generic aligned={aligned} sampling_ratio={ratio} spatial_scale={scale}"
        agree("roialign", keys, lambda x, b, how=(size, scale, ratio, bool(aligned)): ops.roi_align(x, b, *how), *x)
