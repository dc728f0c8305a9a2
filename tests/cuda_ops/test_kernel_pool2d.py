"""pool2d.cu against a loop over windows."""

import itertools

import numpy as np
import pytest
from kernel_testing import EPS, Tensor, assert_close, checked, rounded, run

from cuda_ops.pool2d import pool2d, pool2d_adaptive

pytestmark = pytest.mark.emulator
rng = np.random.default_rng(0)

# shape, out, kernel, stride, pads, dilation
CASES = {
    "2x2": ((2, 3, 6, 8), (3, 4), (2, 2), (2, 2), (0, 0, 0, 0), (1, 1)),
    "3x3 padded": ((1, 2, 7, 7), (4, 4), (3, 3), (2, 2), (1, 1, 1, 1), (1, 1)),
    "5x5, stride 1": ((1, 2, 9, 5), (9, 5), (5, 5), (1, 1), (2, 2, 2, 2), (1, 1)),
    "ceil mode": ((1, 2, 6, 6), (3, 3), (3, 3), (2, 2), (0, 0, 0, 0), (1, 1)),
    "uneven pads": ((1, 1, 6, 5), (3, 5), (2, 3), (2, 1), (0, 1, 2, 0), (1, 1)),
    "dilated": ((1, 2, 9, 9), (7, 3), (2, 3), (1, 2), (1, 0, 1, 0), (3, 2)),
}


def reference(x, out, kernel, stride, pads, dilation, average, include_pad):
    (top, bottom, left, right), (_, _, height, width) = pads, x.shape
    y = np.empty((*x.shape[:2], *out))
    for r, c in itertools.product(range(out[0]), range(out[1])):
        h0, w0 = r * stride[0] - top, c * stride[1] - left
        rows = [h for h in range(h0, h0 + kernel[0] * dilation[0], dilation[0]) if h < height + bottom]
        columns = [w for w in range(w0, w0 + kernel[1] * dilation[1], dilation[1]) if w < width + right]
        real = x[:, :, [h for h in rows if 0 <= h < height]][..., [w for w in columns if 0 <= w < width]]
        count = len(rows) * len(columns) if include_pad else real[0, 0].size
        y[:, :, r, c] = real.sum((2, 3)) / count if average else real.max((2, 3))
    return y


def check(case, average, include_pad=False, storage="f32"):
    shape, out, *window = case
    x = rounded(rng.standard_normal(shape), storage)
    y = Tensor((*shape[:2], *out), storage)
    run(pool2d(Tensor(x, storage), y, shape, out, *window, average=average, include_pad=include_pad), storage=storage)
    want = reference(x.astype(np.float64), out, *window, average, include_pad)
    terms = window[0][0] * window[0][1]
    assert_close(y.read(), want, terms * EPS * np.abs(x).max() if average else 0, storage)


@pytest.mark.parametrize("name", CASES)
def test_max(drv, name):
    check(CASES[name], False)


@pytest.mark.parametrize("include_pad", [False, True])
@pytest.mark.parametrize("name", [name for name in CASES if name != "dilated"])
def test_average(drv, name, include_pad):
    check(CASES[name], True, include_pad)


@pytest.mark.parametrize("average", [False, True])
@pytest.mark.parametrize("out", [(1, 1), (3, 2), (7, 5), (9, 9)])
def test_adaptive(drv, out, average):
    x = rng.standard_normal((2, 3, 7, 5)).astype(np.float32)
    y = Tensor((2, 3, *out))
    run(pool2d_adaptive(Tensor(x), y, x.shape, out, average))
    want = np.empty(y.read().shape)
    for r, c in itertools.product(range(out[0]), range(out[1])):
        rows = slice(r * 7 // out[0], -(-(r + 1) * 7 // out[0]))
        window = x[:, :, rows, c * 5 // out[1] : -(-(c + 1) * 5 // out[1])].astype(np.float64)
        want[:, :, r, c] = window.mean((2, 3)) if average else window.max((2, 3))
    assert_close(y.read(), want, 36 * EPS * np.abs(x).max() if average else 0)


@pytest.mark.parametrize("storage", ["f16", "bf16"])
def test_storage(drv, storage):
    check(CASES["3x3 padded"], True, storage=storage)
    check(CASES["3x3 padded"], False, storage=storage)


def test_nan_wins_and_dilated_averages_are_refused(drv):
    x, y = np.zeros((1, 1, 2, 2), np.float32), Tensor((1, 1, 1, 1))
    x[0, 0, 1, 0] = np.nan
    run(pool2d(Tensor(x), y, x.shape, (1, 1), (2, 2), (2, 2)))
    assert np.isnan(y.read()).all()
    with pytest.raises(ValueError, match="no dilation"):
        pool2d(None, None, x.shape, (1, 1), (2, 2), (1, 1), dilation=(2, 2), average=True)


def test_check_mode_is_silent(drv):
    with checked():
        check(CASES["uneven pads"], True)
        check(CASES["dilated"], False)
