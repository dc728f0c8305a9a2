"""copy.cu: what only moves elements is exact."""

import numpy as np
import pytest
from kernel_testing import Tensor, checked, run

from cuda_ops.copy import as_transposes, concat, contiguous, copy_view, fill, permute, slice_copy

pytestmark = pytest.mark.emulator
rng = np.random.default_rng(0)

ORDERS = {
    ((5, 7), (1, 0)): (1, 5, 7),
    ((2, 40, 35), (0, 2, 1)): (2, 40, 35),
    ((2, 3, 4, 50), (0, 2, 3, 1)): (2, 3, 200),
    ((1, 33, 1, 65), (3, 0, 2, 1)): (1, 33, 65),
    ((2, 3, 4, 5), (0, 1, 2, 3)): None,
    ((2, 3, 4, 5), (3, 1, 0, 2)): None,
    ((2, 3, 4, 5), (0, 2, 1, 3)): None,
    ((2, 2, 3, 2, 2, 3), (0, 3, 5, 1, 2, 4)): None,
}


@pytest.mark.parametrize("shape, order", ORDERS)
@pytest.mark.parametrize("storage", ["f32", "f16", "bf16"])
def test_permute(drv, shape, order, storage):
    x = rng.integers(-99, 99, shape).astype(np.float32)  # exact in every storage
    y = Tensor([shape[d] for d in order], storage)
    run(permute(Tensor(x, storage), y, shape, order), storage=storage)
    assert np.array_equal(y.read(), x.transpose(order))
    assert as_transposes(shape, order) == ORDERS[shape, order]


@pytest.mark.parametrize(
    "shape, start, size, step",
    [
        ((5, 6, 7), (1, 0, 3), (3, 6, 2), None),
        ((9, 8), (1, 0), (4, 3), (2, 3)),
        ((2, 4, 3), (0, 2, 0), (2, 2, 3), None),
    ],
)
def test_slice(drv, shape, start, size, step):
    x, y = rng.standard_normal(shape).astype(np.float32), Tensor(size)
    run(slice_copy(Tensor(x), y, shape, start, size, step))
    steps = step or (1,) * len(shape)
    cut = tuple(slice(a, a + n * s, s) for a, n, s in zip(start, size, steps, strict=True))
    assert np.array_equal(y.read(), x[cut])


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_concat(drv, axis):
    shapes = [[2, 3, 4] for _ in range(3)]
    shapes[1][axis] = 5
    parts = [rng.standard_normal(s).astype(np.float32) for s in shapes]
    want = np.concatenate(parts, axis)
    y = Tensor(want.shape)
    run(*concat([(Tensor(p), p.shape) for p in parts], y, axis))
    assert np.array_equal(y.read(), want)


def test_padding_is_a_fill_and_a_copy(drv):
    x, y = rng.standard_normal((2, 3, 4)).astype(np.float32), Tensor((2, 5, 7))
    run(
        fill(y, 0.5, 70),
        copy_view(Tensor(x), y, (2, 3, 4), contiguous((2, 3, 4)), contiguous((2, 5, 7)), y_start=7 + 2),
    )
    assert np.array_equal(y.read(), np.pad(x, ((0, 0), (1, 1), (2, 1)), constant_values=0.5))


def test_too_many_dimensions_are_told():
    with pytest.raises(ValueError, match="a copy over 7 dimensions"):
        permute(None, None, (2,) * 7, (6, 5, 4, 3, 2, 1, 0))


@pytest.mark.parametrize("shape, order", [((2, 40, 35), (0, 2, 1)), ((2, 3, 4, 5), (3, 1, 0, 2))])
def test_check_mode_is_silent(drv, shape, order):
    with checked():
        test_permute(drv, shape, order, "f32")
