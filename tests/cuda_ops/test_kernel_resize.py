"""resize.cu against float64."""

import numpy as np
import pytest
from kernel_testing import EPS, Tensor, assert_close, checked, rounded, run

from cuda_ops.resize import resize_bicubic, resize_bilinear, resize_nearest

pytestmark = pytest.mark.emulator
rng = np.random.default_rng(0)
SIZES = [((2, 3, 5, 7), (10, 14)), ((1, 2, 6, 6), (9, 4)), ((1, 1, 4, 5), (1, 1)), ((1, 2, 3, 3), (3, 3))]


def neighbours(size, out, align_corners):
    i = np.arange(out)
    centres = np.maximum((i + 0.5) * size / out - 0.5, 0)
    at = i * (size - 1) / max(out - 1, 1) if align_corners else centres
    first = np.minimum(at.astype(int), size - 1)
    return first, np.minimum(first + 1, size - 1), at - first


def check_bilinear(shape, out, align_corners, storage="f32"):
    x = rounded(rng.standard_normal(shape), storage)
    y = Tensor((*shape[:2], *out), storage)
    run(resize_bilinear(Tensor(x, storage), y, shape, out, align_corners), storage=storage)
    (h0, h1, ph), (w0, w1, pw) = (neighbours(n, m, align_corners) for n, m in zip(shape[2:], out, strict=True))
    rows = x[:, :, h0] * (1 - ph)[:, None] + x[:, :, h1] * ph[:, None]
    want = rows[..., w0] * (1 - pw) + rows[..., w1] * pw
    # a coordinate is off by some EPS of its size; so is the part, and the result by as much of the largest difference
    assert_close(y.read(), want, (8 + 4 * sum(shape[2:])) * EPS * 2 * np.abs(x).max(), storage)


def cubic(size, out, align_corners):
    """[out, size]: what each element counts, by Keys' kernel with a = -0.75; beyond an edge its element goes on."""
    a, weights = -0.75, np.zeros((out, size))
    for i in range(out):
        at = i * (size - 1) / max(out - 1, 1) if align_corners else (i + 0.5) * size / out - 0.5
        for tap in range(int(np.floor(at)) - 1, int(np.floor(at)) + 3):
            d = abs(at - tap)
            near, far = (a + 2) * d**3 - (a + 3) * d**2 + 1, a * (d**3 - 5 * d**2 + 8 * d - 4)
            weights[i, min(max(tap, 0), size - 1)] += near if d <= 1 else far
    return weights


def check_bicubic(shape, out, align_corners):
    x, y = rng.standard_normal(shape).astype(np.float32), Tensor((*shape[:2], *out))
    run(resize_bicubic(Tensor(x), y, shape, out, align_corners))
    rows, columns = (cubic(n, m, align_corners) for n, m in zip(shape[2:], out, strict=True))
    # weights are sums of some products of numbers up to 8; a coordinate is off by some EPS of its size
    bound = (64 + 8 * sum(shape[2:])) * EPS * 2 * np.abs(x).max()
    assert_close(y.read(), rows @ x.astype(np.float64) @ columns.T, bound)


@pytest.mark.parametrize("align_corners", [False, True])
@pytest.mark.parametrize("shape, out", SIZES)
def test_bicubic(drv, shape, out, align_corners):
    check_bicubic(shape, out, align_corners)


@pytest.mark.parametrize("align_corners", [False, True])
@pytest.mark.parametrize("shape, out", SIZES)
def test_bilinear(drv, shape, out, align_corners):
    check_bilinear(shape, out, align_corners)


@pytest.mark.parametrize("shape, out", [*SIZES, ((1, 1, 3, 7), (9, 49))])
def test_nearest(drv, shape, out):
    x, y = rng.standard_normal(shape).astype(np.float32), Tensor((*shape[:2], *out))
    run(resize_nearest(Tensor(x), y, shape, out))
    h, w = (np.arange(m) * n // m for n, m in zip(shape[2:], out, strict=True))
    assert np.array_equal(y.read(), x[:, :, h][..., w])


@pytest.mark.parametrize("storage", ["f16", "bf16"])
def test_storage(drv, storage):
    check_bilinear(*SIZES[0], False, storage)


def test_check_mode_is_silent(drv):
    with checked():
        check_bilinear(*SIZES[1], False)
        check_bicubic(*SIZES[1], False)
        test_nearest(drv, *SIZES[1])
