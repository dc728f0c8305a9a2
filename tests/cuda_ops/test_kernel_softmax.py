"""softmax.cu against float64."""

import numpy as np
import pytest
from kernel_testing import EPS, Tensor, assert_close, checked, rounded, run

from cuda_ops.softmax import softmax

rng = np.random.default_rng(0)


def check(shape, axis, log=False, storage="f32", spread=4.0):
    x = rounded(rng.standard_normal(shape) * spread, storage)
    y = Tensor(shape, storage)
    run(softmax(Tensor(x, storage), y, shape, axis, log), storage=storage)
    below = x.astype(np.float64) - x.max(axis, keepdims=True)
    total = np.exp(below).sum(axis, keepdims=True)
    want = below - np.log(total) if log else np.exp(below) / total
    # relative: the sum of n terms, exp's 2 units, and exp's argument, which is off by EPS of itself
    relative = (shape[axis] + 8 + 2 * np.abs(below)) * EPS
    assert_close(y.read(), want, relative + 2 * EPS * np.abs(want) if log else relative * want, storage)


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize(
    "shape, axis", [((3, 7), -1), ((2, 1000), 1), ((2, 16, 5, 3), 1), ((4, 9, 33), 0), ((1, 300), 1)]
)
def test_shapes(drv, shape, axis, log):
    check(shape, axis, log)


@pytest.mark.parametrize("storage", ["f16", "bf16"])
def test_storage(drv, storage):
    check((3, 40), 1, storage=storage)
    check((3, 40), 0, storage=storage)


def test_masked_elements_and_large_numbers(drv):
    x = np.array([[-np.inf, -np.inf, 1, 1], [3e38, 3e38, -3e38, 0], [-np.inf] * 4], np.float32)
    for axis, data in ((1, x), (0, x.T.copy())):
        y = Tensor(data.shape)
        run(softmax(Tensor(data), y, data.shape, axis))
        got = y.read() if axis else y.read().T
        assert np.array_equal(got[:2], [[0, 0, 0.5, 0.5], [0.5, 0.5, 0, 0]])
        assert np.isnan(got[2]).all()  # nothing is left to choose from, as in PyTorch


@pytest.mark.parametrize("axis", [0, 1])
def test_check_mode_is_silent(drv, axis):
    with checked():
        check((5, 70), axis)
