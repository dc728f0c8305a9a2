"""attention.cu against float64."""

import numpy as np
import pytest
from kernel_testing import EPS, Tensor, assert_close, checked, rounded, run, sum_bound

from cuda_ops.attention import Attention, attention
from cuda_ops.matmul import Matrix

pytestmark = pytest.mark.emulator
rng = np.random.default_rng(0)


def expected(a, q, k, v, mask=0.0):
    """The float64 result and how far float32 may be from it."""
    q, k, v = (t.astype(np.float64) for t in (q, k, v))
    scores = a.scale * q @ k.swapaxes(-1, -2) + mask
    error = sum_bound(a.key_size + 2, np.abs(a.scale * q) @ np.abs(k).swapaxes(-1, -2) + np.abs(np.maximum(mask, -99)))
    below = scores - scores.max(-1, keepdims=True)
    p = np.exp(below)
    p /= p.sum(-1, keepdims=True)
    # relative to p: both scores' errors, exp's argument, and a sum over the keys that is rescaled once a tile
    spread = np.where(np.isfinite(below), np.abs(below), 0).max(-1, keepdims=True)
    relative = 2 * error.max(-1, keepdims=True) + (2 * a.keys + 16 + 2 * spread) * EPS
    return p @ v, np.expm1(2 * relative) * (p @ np.abs(v))


def check(a, storage="f32", masked=False):
    def draw(n, size):
        return rounded(rng.standard_normal((*a.batch, n, size)), storage)

    q, k, v = draw(a.queries, a.key_size), draw(a.keys, a.key_size), draw(a.keys, a.value_size)
    mask = np.where(rng.random((a.batch[1], a.queries, a.keys)) < 0.3, -np.inf, 1.0).astype(np.float32)
    mask[..., 0] = 0
    y = Tensor((*a.batch, a.queries, a.value_size), storage)

    def lie(n, size):
        return Matrix(size, a.batch[1] * n * size, n * size)

    given = (Tensor(mask, storage), Matrix(a.keys, 0, a.queries * a.keys), 1) if masked else None
    launch = attention(
        a, (Tensor(q, storage), lie(a.queries, a.key_size)), (Tensor(k, storage), lie(a.keys, a.key_size)),
        (Tensor(v, storage), lie(a.keys, a.value_size)), (y, lie(a.queries, a.value_size)), given,
    )  # fmt: skip
    run(launch, storage=storage)
    want, bound = expected(a, q, k, v, mask if masked else 0.0)
    assert_close(y.read(), want, bound, storage)


CASES = {
    "window": Attention((2, 3), 49, 49, 32, 32, 32**-0.5),
    "long": Attention((1, 1), 150, 70, 64, 64, 0.125),
    "odd sizes": Attention((1, 2), 5, 19, 7, 10, 0.3),
    "one key": Attention((1, 1), 3, 1, 4, 4, 1.0),
}


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_shapes(drv, name, masked):
    check(CASES[name], masked=masked)


@pytest.mark.parametrize("storage", ["f16", "bf16"])
def test_storage(drv, storage):
    check(CASES["odd sizes"], storage, masked=True)


def test_heads_within_one_projection(drv):
    """q, k and v are read where one dense layer wrote them, [time, 3 * heads * size]; y is [time, heads * size]."""
    heads, size, time = 3, 8, 20
    a = Attention((1, heads), time, time, size, size, size**-0.5)
    qkv = rng.standard_normal((time, 3, heads, size)).astype(np.float32)
    x, y, row = Tensor(qkv), Tensor((time, heads, size)), Matrix(3 * heads * size, 0, size)
    parts = [(x.after(i * heads * size), row) for i in range(3)]
    run(attention(a, *parts, (y, Matrix(heads * size, 0, size))))
    want, bound = expected(a, *(qkv[:, i].transpose(1, 0, 2) for i in range(3)))
    assert_close(y.read().transpose(1, 0, 2), want, bound)


def test_rows_that_are_masked_away_are_nan_and_large_heads_are_refused(drv):
    a = Attention((1, 1), 2, 3, 4, 4, 1.0)
    x, mask = Tensor(np.ones((3, 4), np.float32)), np.array([[-np.inf] * 3, [0, -np.inf, -np.inf]], np.float32)
    y, lies = Tensor((2, 4)), Matrix(4)
    run(attention(a, (x, lies), (x, lies), (x, lies), (y, lies), (Tensor(mask), Matrix(3), 1)))
    assert np.isnan(y.read()[0]).all() and np.array_equal(y.read()[1], np.ones(4))
    with pytest.raises(ValueError, match="at most 64"):
        attention(Attention((1, 1), 2, 3, 80, 80, 1.0), *[(x, lies)] * 4)


def test_check_mode_is_silent(drv):
    with checked():
        check(CASES["odd sizes"], masked=True)
