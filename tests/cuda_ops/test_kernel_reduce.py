"""reduce.cu against NumPy."""

import numpy as np
import pytest
from kernel_testing import EPS, Raw, Tensor, assert_close, checked, rounded, run, sum_bound

from cuda_ops.reduce import OPERATIONS, argmax, reduce

pytestmark = pytest.mark.emulator
rng = np.random.default_rng(0)
SHAPES = [((3, 700), 1), ((2, 5, 300), 1), ((4, 33), 0), ((2, 3, 4, 5), 2), ((6, 1), 1)]


def check(shape, axis, operation, storage="f32"):
    x = rounded(1 + rng.standard_normal(shape) / 8, storage)
    out = tuple(n for d, n in enumerate(shape) if d != axis)
    y = Tensor(out, storage)
    run(reduce(Tensor(x, storage), y, shape, axis, operation), storage=storage)
    x64, n = x.astype(np.float64), shape[axis]
    want = getattr(x64, operation)(axis)
    bound = {"sum": sum_bound(n, np.abs(x64).sum(axis)), "mean": sum_bound(n + 1, np.abs(x64).mean(axis))}
    bound["prod"] = (n + 6) * EPS * np.abs(want) * 1.01  # one rounding per factor, at most n + log2(n) of them
    assert_close(y.read(), want, bound.get(operation, 0), storage)


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("shape, axis", SHAPES)
def test_reduce(drv, shape, axis, operation):
    check(shape, axis, operation)


@pytest.mark.parametrize("storage", ["f16", "bf16"])
def test_storage(drv, storage):
    check((3, 40), 0, "mean", storage)
    check((3, 40), 1, "max", storage)


@pytest.mark.parametrize("shape, axis", SHAPES)
def test_argmax_takes_the_first_of_equals(drv, shape, axis):
    x = rng.integers(0, 6, shape).astype(np.float32)
    out = tuple(n for d, n in enumerate(shape) if d != axis)
    index, value = Raw(np.empty(out, np.int32)), Tensor(out)
    run(argmax(Tensor(x), index, value, shape, axis))
    assert np.array_equal(index.read(), x.argmax(axis)) and np.array_equal(value.read(), x.max(axis))


@pytest.mark.parametrize("axis", [0, 1])
def test_nan_is_the_largest(drv, axis):
    x = np.array([[1, np.nan, 9], [np.nan, np.inf, np.nan], [-np.inf, np.nan, -np.inf]], np.float32)
    x = x if axis else x.T.copy()
    index, y = Raw(np.empty(3, np.int32)), Tensor((3,))
    run(argmax(Tensor(x), index, None, x.shape, axis), reduce(Tensor(x), y, x.shape, axis, "max"))
    assert list(index.read()) == [1, 0, 1] and np.isnan(y.read()).all()


@pytest.mark.parametrize("axis", [0, 1])
def test_check_mode_is_silent(drv, axis):
    with checked():
        check((9, 70), axis, "mean")
        test_argmax_takes_the_first_of_equals(drv, (9, 70), axis)
