"""lstm.cu against NumPy in float64."""

import numpy as np
import pytest
from kernel_testing import EPS, Tensor, assert_close, checked, run

from cuda_ops.lstm import lstm_cell

pytestmark = pytest.mark.emulator
rng = np.random.default_rng(0)


def sigmoid(v):
    return 1 / (1 + np.exp(-v))


def check(first, storage="f32"):
    """One step of three rows, whose inputs and outputs lie within larger tensors."""
    x, h, c = (rng.standard_normal(s).astype(np.float32) for s in ((3, 30), (3, 20), (3, 5)))
    y, cell = Tensor(np.full((3, 8), 7, np.float32)), Tensor(c)
    run(lstm_cell(Tensor(x), None if first else Tensor(h), cell, y, 3, 5, 30, 8))
    i, f, g, o = np.split(x[:, :20].astype(np.float64) + (0 if first else h), 4, 1)
    want = sigmoid(i) * np.tanh(g) + (0 if first else sigmoid(f) * c)
    # each function is good to some units in the last place, of arguments up to 6
    assert_close(cell.read(), want, 64 * EPS)
    assert_close(y.read()[:, :5], sigmoid(o) * np.tanh(want), 64 * EPS)
    assert (y.read()[:, 5:] == 7).all()


@pytest.mark.parametrize("first", [False, True])
def test_a_step(drv, first):
    check(first)


def test_check_mode_is_silent(drv):
    with checked():
        check(False)
