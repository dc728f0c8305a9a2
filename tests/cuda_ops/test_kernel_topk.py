"""topk.cu against a stable sort."""

import numpy as np
import pytest
from kernel_testing import Raw, Tensor, checked, rounded, run

from cuda_ops import topk as module
from cuda_ops.topk import topk

pytestmark = pytest.mark.emulator
rng = np.random.default_rng(0)


def check(shape, axis, k, storage="f32"):
    x = rounded(rng.integers(-50, 50, shape), storage)
    out = [k if d == axis % len(shape) else n for d, n in enumerate(shape)]
    value, index = Tensor(out, storage), Raw(np.empty(out, np.int32))
    run(topk(Tensor(x, storage), value, index, shape, axis, k), storage=storage)
    want = np.take(np.argsort(-x, axis, kind="stable"), range(k), axis)
    assert np.array_equal(index.read(), want)
    assert np.array_equal(value.read(), np.take_along_axis(x, want, axis))


CASES = [((3, 7), -1, 7), ((2, 300), 1, 20), ((2, 5, 3), 1, 2), ((4, 1), 1, 1), ((1000,), 0, 100)]


@pytest.mark.parametrize("shape, axis, k", CASES)
def test_sorted_in_shared_memory(drv, shape, axis, k):
    check(shape, axis, k)


@pytest.mark.parametrize("shape, axis, k", [((2, 5000), 1, 9), *CASES[:3]])
def test_selected_one_by_one(drv, shape, axis, k, monkeypatch):
    monkeypatch.setattr(module, "SORTABLE", 1)
    check(shape, axis, k)


@pytest.mark.parametrize("storage", ["f16", "bf16"])
def test_storage(drv, storage):
    check((2, 40), 1, 5, storage)


def test_nan_comes_first_and_infinities_are_sorted(drv):
    x = np.array([[1, -np.inf, np.nan, np.inf, np.nan]], np.float32)
    value, index = Tensor((1, 5)), Raw(np.empty((1, 5), np.int32))
    run(topk(Tensor(x), value, index, x.shape, 1, 5))
    assert list(index.read()[0]) == [2, 4, 3, 0, 1]


def test_k_out_of_range_is_told():
    with pytest.raises(ValueError, match="topk of 6 among 5"):
        topk(None, None, None, (2, 5), 1, 6)


@pytest.mark.parametrize("sortable", [4096, 1])
def test_check_mode_is_silent(drv, monkeypatch, sortable):
    monkeypatch.setattr(module, "SORTABLE", sortable)
    with checked():
        check((2, 40), 1, 5)
