"""gather.cu and cast.cu against NumPy, element for element."""

import numpy as np
import pytest
from kernel_testing import Raw, Tensor, checked, run, store

from cuda_ops.cast import cast
from cuda_ops.gather import gather, gather_elements

pytestmark = pytest.mark.emulator
rng = np.random.default_rng(0)


def check_gather(axis=1):
    x, index = rng.standard_normal((3, 5, 4)).astype(np.float32), np.array([4, 0, -1, 2, 2, -5, 3], np.int32)
    want = np.take(x, index, axis)
    y = Tensor(want.shape)
    run(gather(Tensor(x), Raw(index), y, x.shape, axis, index.size))
    np.testing.assert_array_equal(y.read(), want)


def check_elements():
    x, index = rng.standard_normal((2, 5, 3)).astype(np.float32), rng.integers(-5, 5, (2, 7, 3)).astype(np.int32)
    y = Tensor((2, 7, 3))
    run(gather_elements(Tensor(x), Raw(index), y, x.shape, 1, 7))
    np.testing.assert_array_equal(y.read(), np.take_along_axis(x, index, 1))


def test_places_of_an_axis(drv):
    check_gather()
    check_gather(-2)


def test_places_of_every_line(drv):
    check_elements()


def test_whole_numbers(drv):
    x, y = Raw(np.arange(12, dtype=np.int32).reshape(3, 4)), Raw(np.zeros((2, 4), np.int32))
    run(gather(x, Raw(np.array([2, -3], np.int32)), y, (3, 4), 0, 2), storage="i32")
    np.testing.assert_array_equal(y.read(), [[8, 9, 10, 11], [0, 1, 2, 3]])


def test_an_index_outside_is_seen_and_reads_nothing(drv):
    with checked():
        y = Tensor((4,))
        run(gather(Tensor(np.ones(3, np.float32)), Raw(np.array([3, -4, 1 << 30, 1], np.int32)), y, (3,), 0, 4))
    np.testing.assert_array_equal(np.isnan(y.read()), [True, True, True, False])


CASTS = [("u8", np.uint8, "f32"), ("i8", np.int8, "f32"), ("i32", np.int32, "f16"), ("f32", np.float32, "bf16"),
         ("f16", np.float16, "f32")]  # fmt: skip


def check_cast(other, dtype, storage):
    x = (rng.integers(-100, 100, 300) if dtype != np.uint8 else rng.integers(0, 256, 300)).astype(dtype)
    y = Tensor((300,), storage)
    run(cast(Raw(x), y, other, 300, True), storage=storage)
    np.testing.assert_array_equal(y.read(), x.astype(np.float32))  # small whole numbers: exact in every type
    back = Raw(np.zeros(300, dtype))
    run(cast(y, back, other, 300, False), storage=storage)
    np.testing.assert_array_equal(back.read(), x)


@pytest.mark.parametrize("other, dtype, storage", CASTS)
def test_casts_both_ways(drv, other, dtype, storage):
    check_cast(other, dtype, storage)


@pytest.mark.parametrize("storage", ["f16", "bf16"])
def test_a_cast_rounds_to_nearest_even(drv, storage):
    x = rng.standard_normal(1000).astype(np.float32)
    y = Tensor((1000,), storage)
    run(cast(Raw(x), y, "f32", 1000, True), storage=storage)
    np.testing.assert_array_equal(store(y.read(), storage), store(x, storage))


def test_check_mode_is_silent(drv):
    with checked():
        check_gather()
        check_elements()
        check_cast(*CASTS[0])
