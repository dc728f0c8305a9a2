"""mask.cu and roialign.cu against NumPy."""

import numpy as np
import pytest
from kernel_testing import EPS, Raw, Tensor, assert_close, checked, run

from cuda_ops.mask import crop, instances
from cuda_ops.roialign import roialign

pytestmark = pytest.mark.emulator
rng = np.random.default_rng(0)
BOXES = np.array([[1, 0, 4, 3], [0.5, 1.5, 6.5, 9], [-2, -1, 99, 99], [3, 3, 3, 3]], np.float32)


def inside(boxes, h, w):
    x1, y1, x2, y2 = boxes.T[:, :, None, None]
    row, column = np.mgrid[:h, :w]
    return (column >= x1) & (column < x2) & (row >= y1) & (row < y2)


def check_crop():
    x = rng.standard_normal((4, 7, 9)).astype(np.float32)
    x[0, 0, 0] = np.inf  # outside of its box: 0, not a product of 0
    y = Tensor(x.shape)
    run(crop(Tensor(x), Tensor(BOXES), y, x.size, 7, 9))
    np.testing.assert_array_equal(y.read(), np.where(inside(BOXES, 7, 9), x, 0))


def enlarged(x, f):
    """[.., h, w] → [.., f h, f w], bilinear, pixel centres, in float64."""
    for axis in (-2, -1):
        n = x.shape[axis]
        at = np.maximum((np.arange(n * f) + 0.5) / f - 0.5, 0)
        low = at.astype(int)
        part = (at - low).reshape([-1] + [1] * (-1 - axis))
        first, second = (np.take(x, i, axis) for i in (low, np.minimum(low + 1, n - 1)))
        x = first * (1 - part) + second * part
    return x


def check_instances(used=None):
    logits, image = rng.standard_normal((2, 4, 5, 6)).astype(np.float32), np.array([1, 0, 1, 0], np.int32)
    y = Raw(np.full((4, 10, 12), 9, np.uint8))
    count = None if used is None else Raw(np.array([used], np.int32))
    run(instances(Tensor(logits), Raw(image), Tensor(BOXES), count, y, logits.shape, 2))
    own = enlarged(logits[image, np.arange(4)].astype(np.float64), 2)
    want = ((own > 0) & inside(BOXES, 10, 12)).astype(np.uint8)
    want[4 if used is None else used :] = 9
    assert np.abs(own).min() > 1e-5, "no logit whose sign a rounding could turn"
    np.testing.assert_array_equal(y.read(), want)


def test_crop(drv):
    check_crop()


@pytest.mark.parametrize("used", [None, 2, 0])
def test_instances(drv, used):
    check_instances(used)


def check_roialign(samples, aligned):
    """Boxes that lie inside, where bilinear samples of a plane x + 10 y are the plane itself."""
    row, column = np.mgrid[:9, :11].astype(np.float32)
    x = np.stack([column + 10 * row, column * row])[None]
    boxes = np.array([[0, 1, 1, 7, 7], [0, 2.5, 3, 8.5, 6]], np.float32)
    y = Tensor((2, 2, 3, 3))
    run(roialign(Tensor(x), Tensor(boxes), y, x.shape, (2, 2, 3, 3), 1.0, samples, aligned))
    shift, bins = 0.5 * aligned, (np.arange(3) + 0.5) / 3
    for got, (_, x1, y1, x2, y2) in zip(y.read(), boxes.astype(np.float64), strict=True):
        across, down = x1 - shift + bins * (x2 - x1), y1 - shift + bins * (y2 - y1)
        plane = across + 10 * down[:, None]
        assert_close(got[0], plane, 64 * EPS * np.abs(plane))
        assert_close(got[1], across * down[:, None], 64 * EPS * 80)  # bilinear in each element: means are products too


@pytest.mark.parametrize("aligned", [False, True])
@pytest.mark.parametrize("samples", [0, 2])
def test_roialign(drv, samples, aligned):
    check_roialign(samples, aligned)


def test_samples_far_outside_count_nothing(drv):
    y = Tensor((1, 1, 2, 2))
    boxes = Tensor(np.array([[0, 50, 50, 60, 60]], np.float32))
    run(roialign(Tensor(np.ones((1, 1, 4, 4), np.float32)), boxes, y, (1, 1, 4, 4), (1, 1, 2, 2), 1.0, 2, False))
    assert not y.read().any()


def test_check_mode_is_silent(drv):
    with checked():
        check_crop()
        check_instances(2)
        check_roialign(2, True)
