"""deconv2d.cu against scattering in float64."""

import numpy as np
import pytest
from kernel_testing import EPS, Tensor, assert_close, checked, rounded, run, sum_bound

from cuda_ops.deconv2d import Deconv2d, deconv2d, pack_deconv2d
from cuda_ops.launch import Act

pytestmark = pytest.mark.emulator
rng = np.random.default_rng(0)

CASES = {
    "2x2 stride 2": Deconv2d(2, 12, 5, 7, 9, (2, 2), (10, 14), (2, 2)),
    "3x3 stride 2, cropped": Deconv2d(1, 8, 6, 5, 70, (3, 3), (12, 10), (2, 2), (1, 1)),
    "4x4 stride 2": Deconv2d(1, 6, 4, 4, 8, (4, 4), (8, 8), (2, 2), (1, 1)),
    "3x3 stride 1": Deconv2d(1, 5, 6, 6, 4, (3, 3), (6, 6), (1, 1), (1, 1)),
    "uneven": Deconv2d(2, 7, 4, 5, 6, (5, 2), (13, 6), (3, 1), (1, 0)),
    "kernel below the stride": Deconv2d(1, 6, 3, 3, 4, (2, 1), (9, 9), (3, 3)),
    "grouped": Deconv2d(1, 12, 5, 5, 10, (3, 3), (9, 9), (2, 2), (1, 1), groups=2),
    "depthwise": Deconv2d(1, 4, 5, 5, 4, (4, 4), (10, 10), (2, 2), (1, 1), groups=4),
    "dilated": Deconv2d(1, 6, 5, 5, 4, (3, 2), (11, 11), (2, 2), (1, 0), (2, 3)),
}


def reference(d, x, w):
    """Each input times the kernel, added into the full result; then cropped, zeros where nothing reached."""
    full = [
        (n - 1) * s + (k - 1) * g + 1
        for n, s, k, g in zip((d.height, d.width), d.stride, d.kernel, d.dilation, strict=True)
    ]
    size = [max(f, c + o) for f, c, o in zip(full, d.crop, d.out, strict=True)]
    y = np.zeros((d.batch, d.groups, d.out_channels // d.groups, *size))
    x = x.astype(np.float64).reshape(d.batch, d.groups, -1, d.height, d.width)
    w = w.astype(np.float64).reshape(d.groups, -1, *w.shape[1:])
    for i in range(d.kernel[0]):
        for j in range(d.kernel[1]):
            rows = slice(i * d.dilation[0], i * d.dilation[0] + (d.height - 1) * d.stride[0] + 1, d.stride[0])
            columns = slice(j * d.dilation[1], j * d.dilation[1] + (d.width - 1) * d.stride[1] + 1, d.stride[1])
            y[:, :, :, rows, columns] += np.einsum("bgchw,gcm->bgmhw", x, w[:, :, :, i, j])
    top, left = d.crop
    return y[..., top : top + d.out[0], left : left + d.out[1]].reshape(d.batch, d.out_channels, *d.out)


def check(d, storage="f32", tactic=0):
    x = rounded(rng.standard_normal((d.batch, d.channels, d.height, d.width)), storage)
    w = rounded(rng.standard_normal((d.channels, d.out_channels // d.groups, *d.kernel)), storage)
    bias, y = rng.standard_normal(d.out_channels).astype(np.float32), Tensor((d.batch, d.out_channels, *d.out), storage)
    packed = Tensor(pack_deconv2d(w, d), storage)
    run(deconv2d(d, Tensor(x, storage), packed, Tensor(bias), y, Act("relu"))[tactic], storage=storage)
    want = reference(d, x, w) + bias[:, None, None]
    magnitude = reference(d, np.abs(x), np.abs(w)) + np.abs(bias)[:, None, None]
    terms = d.channels // d.groups * d.kernel[0] * d.kernel[1] + 1
    assert_close(y.read(), np.maximum(want, 0), sum_bound(terms, magnitude) + EPS * magnitude, storage)


@pytest.mark.parametrize("name", CASES)
def test_shapes(drv, name):
    check(CASES[name])


@pytest.mark.parametrize("tactic", [0, 1, 2])
def test_every_tile_size(drv, tactic):
    check(CASES["3x3 stride 2, cropped"], tactic=tactic)


@pytest.mark.parametrize("storage", ["f16", "bf16"])
def test_storage(drv, storage):
    check(CASES["4x4 stride 2"], storage)
    check(CASES["depthwise"], storage)


@pytest.mark.parametrize("name", ["uneven", "dilated"])
def test_check_mode_is_silent(drv, name):
    with checked():
        check(CASES[name], tactic=-1)
