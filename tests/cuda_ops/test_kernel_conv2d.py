"""conv2d and conv2d_depthwise against a float64 convolution."""

import numpy as np
import pytest
from kernel_testing import Tensor, assert_close, checked, factor_bound, rounded, run, sum_bound

from cuda_ops.conv2d import Conv2d, conv2d, pack_conv2d
from cuda_ops.launch import Act

pytestmark = pytest.mark.emulator
rng = np.random.default_rng(0)

CASES = {
    "3x3": Conv2d(1, 5, 9, 11, 7, (3, 3), pads=(1, 1, 1, 1)),
    "strided": Conv2d(2, 3, 17, 13, 70, (3, 3), (2, 2), (1, 1, 1, 1)),
    "1x1": Conv2d(1, 33, 8, 8, 66, (1, 1)),
    "1x1, odd pixels": Conv2d(2, 20, 5, 7, 9, (1, 1)),
    "1x1 strided": Conv2d(1, 8, 9, 9, 12, (1, 1), (2, 2)),
    "6x6 stem": Conv2d(1, 3, 20, 20, 16, (6, 6), (2, 2), (2, 2, 2, 2)),
    "5x3, uneven pads, dilated": Conv2d(1, 4, 12, 10, 6, (5, 3), (1, 2), (3, 1, 0, 2), (2, 3)),
    "grouped": Conv2d(2, 12, 6, 6, 18, (3, 3), pads=(1, 1, 1, 1), groups=3),
    "depthwise": Conv2d(2, 6, 11, 35, 6, (3, 3), (1, 1), (1, 1, 1, 1), groups=6),
    "depthwise 5x5 strided, multiplier 2": Conv2d(1, 4, 12, 12, 8, (5, 5), (2, 2), (2, 2, 2, 2), groups=4),
}


def reference(conv: Conv2d, x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """sum over channels and taps of w * x, in float64."""
    top, bottom, left, right = conv.pads
    x = np.pad(x.astype(np.float64), ((0, 0), (0, 0), (top, bottom), (left, right)))
    (out_h, out_w), (sh, sw), (dh, dw) = conv.out, conv.stride, conv.dilation
    y = np.zeros((conv.batch, conv.groups, conv.out_channels // conv.groups, out_h, out_w))
    x = x.reshape(conv.batch, conv.groups, -1, *x.shape[2:])
    w = w.astype(np.float64).reshape(conv.groups, -1, *w.shape[1:])
    for i in range(conv.kernel[0]):
        for j in range(conv.kernel[1]):
            window = x[:, :, :, i * dh :: sh, j * dw :: sw][:, :, :, :out_h, :out_w]
            y += np.einsum("bgchw,gmc->bgmhw", window, w[:, :, :, i, j])
    return y.reshape(conv.batch, conv.out_channels, out_h, out_w)


def silu(v: np.ndarray) -> np.ndarray:
    return v / (1 + np.exp(-v))


def check(conv: Conv2d, storage: str = "f32", residual: str = "", tactic: int = 0) -> None:
    x = rounded(rng.standard_normal((conv.batch, conv.channels, conv.height, conv.width)), storage)
    w = rounded(rng.standard_normal((conv.out_channels, conv.channels // conv.groups, *conv.kernel)) / 4, storage)
    bias = rng.standard_normal(conv.out_channels).astype(np.float32)
    shape = (conv.batch, conv.out_channels, *conv.out)
    r = rounded(rng.standard_normal(shape), storage) if residual else None
    y = Tensor(shape, storage)
    launches = conv2d(
        conv, Tensor(x, storage), Tensor(pack_conv2d(w, conv), storage), Tensor(bias), y,
        Tensor(r, storage) if r is not None else None, Act("silu"), residual == "after",
    )  # fmt: skip
    launch = launches[tactic]
    run(launch, storage=storage)
    total = reference(conv, x, w) + bias[:, None, None]
    products = reference(conv, np.abs(x), np.abs(w))
    magnitude = products + np.abs(bias)[:, None, None]
    if residual == "before":
        total, magnitude = total + r, magnitude + np.abs(r)
    want = silu(total) + (r if residual == "after" else 0)
    # silu's slope is at most 1.1; its own arithmetic costs some units in the last place
    sums = sum_bound(w[0].size + 2, magnitude) + factor_bound(launch, storage, products)
    bound = 1.1 * sums + 8 * 2.0**-24 * (np.abs(total) + np.abs(want))
    assert_close(y.read(), want, bound, storage)


@pytest.mark.parametrize("name", CASES)
def test_shapes(drv, name):
    check(CASES[name])


@pytest.mark.parametrize("tactic", [0, 1, 2])
def test_every_tile_size(drv, tactic):
    check(CASES["strided"], tactic=tactic)
    check(CASES["1x1"], tactic=tactic)


@pytest.mark.parametrize("tactic", [3, 4, 5])
@pytest.mark.parametrize("storage", ["f32", "f16", "bf16"])
def test_tensor_cores(drv, storage, tactic):
    names = [name for name in CASES if not name.startswith("depthwise")]
    for name in names if tactic == 5 else ["strided", "1x1, odd pixels"]:
        check(CASES[name], storage, tactic=tactic)
    check(CASES["1x1"], storage, residual="after", tactic=tactic)


@pytest.mark.parametrize("residual", ["before", "after"])
@pytest.mark.parametrize("name", ["3x3", "depthwise"])
def test_residuals(drv, name, residual):
    check(CASES[name], residual=residual)


@pytest.mark.parametrize("storage", ["f16", "bf16"])
@pytest.mark.parametrize("name", ["3x3", "1x1", "depthwise"])
def test_storage(drv, name, storage):
    check(CASES[name], storage)


@pytest.mark.parametrize("name, tactic", [("1x1, odd pixels", 2), ("grouped", 2), ("depthwise", 0)])
def test_check_mode_is_silent(drv, name, tactic):
    with checked():
        check(CASES[name], residual="before", tactic=tactic)


@pytest.mark.parametrize("storage", ["f32", "f16", "bf16"])
def test_check_mode_is_silent_on_tensor_cores(drv, storage):
    with checked():
        check(CASES["grouped"], storage, residual="before", tactic=5)


def test_channel_ranges_of_larger_tensors(drv):
    """x is the second half of the channels of one tensor, y is written into the middle of another."""
    conv = Conv2d(2, 4, 6, 6, 8, (3, 3), pads=(1, 1, 1, 1))
    whole = rng.standard_normal((2, 8, 6, 6), dtype=np.float32)
    w = rng.standard_normal((8, 4, 3, 3), dtype=np.float32)
    x, y = Tensor(whole), Tensor(np.full((2, 16, 6, 6), 5, np.float32))
    weights = Tensor(pack_conv2d(w, conv))
    run(conv2d(conv, x.after(4 * 36), weights, None, y.after(4 * 36), batch_strides=(8 * 36, 0, 16 * 36))[0])
    got, want = y.read(), reference(conv, whole[:, 4:], w)
    assert_close(got[:, 4:12], want, sum_bound(36, reference(conv, np.abs(whole[:, 4:]), np.abs(w))))
    assert (got[:, :4] == 5).all() and (got[:, 12:] == 5).all()
