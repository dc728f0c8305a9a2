"""matmul.cu against float64 products."""

import itertools

import numpy as np
import pytest
from kernel_testing import Tensor, assert_close, checked, factor_bound, rounded, run, sum_bound

from cuda_ops.launch import Act
from cuda_ops.matmul import Matrix, dense, matmul

pytestmark = pytest.mark.emulator
rng = np.random.default_rng(0)


def check(rows, columns, depth, trans_a, trans_b, batch=(1, 1), storage="f32", tactic=0, **more):
    a = rounded(rng.standard_normal((*batch, depth, rows) if trans_a else (*batch, rows, depth)), storage)
    b = rounded(rng.standard_normal((*batch, columns, depth) if trans_b else (*batch, depth, columns)), storage)
    bias = rng.standard_normal(columns).astype(np.float32)
    y = Tensor((*batch, rows, columns), storage)

    def layout(array, transposed=False):
        *_, inner, r, c = array.shape
        return Matrix(c, inner * r * c, r * c, transposed)

    launches = matmul(
        rows, columns, depth, (Tensor(a, storage), layout(a, trans_a)), (Tensor(b, storage), layout(b, trans_b)),
        (y, Matrix(columns, batch[1] * rows * columns, rows * columns)), batch=batch, bias=Tensor(bias), scale=0.5,
    )  # fmt: skip
    launch = launches[tactic]
    run(launch, storage=storage)
    a64, b64 = (np.swapaxes(v, -1, -2) if t else v for v, t in ((a.astype(float), trans_a), (b.astype(float), trans_b)))
    products = 0.5 * np.abs(a64) @ np.abs(b64)
    bound = sum_bound(depth + 2, products + np.abs(bias)) + factor_bound(launch, storage, products)
    assert_close(y.read(), 0.5 * a64 @ b64 + bias, bound, storage)


@pytest.mark.parametrize("trans_a, trans_b", list(itertools.product((False, True), repeat=2)))
@pytest.mark.parametrize("shape", [(70, 33, 50), (36, 64, 16), (5, 9, 3)])
def test_transposes_and_shapes(drv, shape, trans_a, trans_b):
    check(*shape, trans_a, trans_b, batch=(2, 3))


@pytest.mark.parametrize("tactic", [0, 1, 2, 3])
def test_every_tactic(drv, tactic):
    check(3, 40, 37, False, True, batch=(1, 2), tactic=tactic)


@pytest.mark.parametrize("storage", ["f16", "bf16"])
def test_storage(drv, storage):
    check(20, 24, 32, False, False, storage=storage)
    check(2, 24, 33, False, True, storage=storage)


@pytest.mark.parametrize("storage", ["f32", "f16", "bf16"])
@pytest.mark.parametrize("trans_a, trans_b", list(itertools.product((False, True), repeat=2)))
def test_tensor_cores(drv, trans_a, trans_b, storage):
    check(70, 33, 50, trans_a, trans_b, batch=(2, 2), storage=storage, tactic=-1)
    check(130, 140, 16, trans_a, trans_b, storage=storage, tactic=-3)


@pytest.mark.parametrize("storage", ["f32", "f16", "bf16"])
def test_check_mode_is_silent_on_tensor_cores(drv, storage):
    with checked():
        check(18, 21, 19, False, True, batch=(1, 2), storage=storage, tactic=-1)
        check(18, 21, 19, True, False, storage=storage, tactic=-1)


@pytest.mark.parametrize("rows", [3, 18])
def test_check_mode_is_silent(drv, rows):
    with checked():
        check(rows, 21, 19, False, True, batch=(1, 2))
        check(rows, 21, 19, True, False)


@pytest.mark.parametrize("rows", [2, 9])
@pytest.mark.parametrize("after", [False, True])
def test_dense_with_activation_and_residual(drv, rows, after):
    x, w = rng.standard_normal((rows, 30)), rng.standard_normal((20, 30))
    r = rng.standard_normal((rows, 20)).astype(np.float32)
    x, w, bias, y = rounded(x, "f32"), rounded(w, "f32"), np.ones(20, np.float32), Tensor((rows, 20))
    run(
        dense(
            rows,
            20,
            30,
            Tensor(x),
            Tensor(w),
            Tensor(bias),
            y,
            residual=Tensor(r),
            act=Act("relu"),
            add_after_act=after,
        )[0]
    )
    total, magnitude = x.astype(float) @ w.T + 1, np.abs(x) @ np.abs(w).T + 1 + np.abs(r)
    want = np.maximum(total, 0) + r if after else np.maximum(total + r, 0)
    assert_close(y.read(), want, sum_bound(32, magnitude))


def test_a_broadcast_operand_and_a_view(drv):
    """b is one matrix for all batches; a is every second row of a larger tensor."""
    a, b, y = (
        rng.standard_normal((4, 12, 8), dtype=np.float32),
        rng.standard_normal((8, 5), dtype=np.float32),
        Tensor((4, 6, 5)),
    )
    run(matmul(6, 5, 8, (Tensor(a), Matrix(16, 96)), (Tensor(b), Matrix(5)), (y, Matrix(5, 30)), batch=(4, 1))[0])
    half = a[:, ::2].astype(float)
    assert_close(y.read(), half @ b, sum_bound(8, np.abs(half) @ np.abs(b)))
