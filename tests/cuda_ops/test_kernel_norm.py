"""norm.cu against float64."""

import numpy as np
import pytest
from kernel_testing import EPS, Tensor, assert_close, checked, rounded, run, sum_bound

from cuda_ops.launch import Act
from cuda_ops.norm import affine, group_norm, layer_norm

pytestmark = pytest.mark.emulator
rng = np.random.default_rng(0)


def normalise(x, axes, eps=1e-5):
    """The float64 result, and how far float32 may be from it."""
    x = x.astype(np.float64)
    n = np.prod([x.shape[a] for a in axes])
    scale = 1 / np.sqrt(x.var(axes, keepdims=True) + eps)
    normal = (x - x.mean(axes, keepdims=True)) * scale
    mean_error = sum_bound(n, np.abs(x).sum(axes, keepdims=True)) / n + EPS * np.abs(x).mean(axes, keepdims=True)
    return normal, (n + 8) * EPS * np.abs(normal) + 2 * mean_error * scale * (1 + np.abs(normal))


def check(x, launch, axes, affine_shape, storage="f32"):
    x = rounded(x, storage)
    gamma, beta = (rng.standard_normal(np.prod(affine_shape)).astype(np.float32) for _ in range(2))
    y = Tensor(x.shape, storage)
    run(launch(Tensor(x, storage), Tensor(gamma), Tensor(beta), y), storage=storage)
    grouped, error = normalise(x.reshape(*axes[0]), axes[1])
    normal, error = grouped.reshape(x.shape), error.reshape(x.shape)
    gamma, beta = gamma.reshape(affine_shape), beta.reshape(affine_shape)
    want = normal * gamma + beta
    bound = np.abs(gamma) * error + 4 * EPS * (np.abs(normal * gamma) + np.abs(beta))
    assert_close(y.read(), np.maximum(want, 0), bound, storage)


RELU = Act("relu")


@pytest.mark.parametrize("storage", ["f32", "f16", "bf16"])
@pytest.mark.parametrize("shape", [(3, 5, 96), (2, 700)])
def test_layer_norm_of_rows(drv, shape, storage):
    x = rng.standard_normal(shape) + 3
    launch = lambda x, g, b, y: layer_norm(x, g, b, y, shape, act=RELU)  # noqa: E731
    check(x, launch, (shape, (len(shape) - 1,)), shape[-1:], storage)


def test_layer_norm_of_channels(drv):
    shape = (2, 24, 5, 7)
    launch = lambda x, g, b, y: layer_norm(x, g, b, y, shape, axis=1, act=RELU)  # noqa: E731
    check(rng.standard_normal(shape), launch, (shape, (1,)), (24, 1, 1))


@pytest.mark.parametrize("groups", [1, 4, 12])
def test_group_and_instance_norm(drv, groups):
    shape = (2, 12, 5, 7)
    launch = lambda x, g, b, y: group_norm(x, g, b, y, shape, groups, act=RELU)  # noqa: E731
    check(rng.standard_normal(shape), launch, ((2, groups, 12 // groups * 35), (2,)), (12, 1, 1))


def test_a_large_mean_does_not_cancel_the_variance(drv):
    """E[x^2] - mean^2 in float32 would be off by 1e4^2 * 2^-24, six times the variance."""
    x = (rng.standard_normal((2, 256)) + 1e4).astype(np.float32)
    y = Tensor(x.shape)
    run(layer_norm(Tensor(x), None, None, y, x.shape))
    normal, error = normalise(x, (1,))
    assert_close(y.read(), normal, error)


def test_affine(drv):
    shape = (2, 5, 3, 3)
    x, scale, shift = rng.standard_normal(shape), rng.standard_normal(5), rng.standard_normal(5)
    x, scale, shift = (v.astype(np.float32) for v in (x, scale, shift))
    y = Tensor(shape)
    run(affine(Tensor(x), Tensor(scale), Tensor(shift), y, shape, RELU))
    product = x.astype(np.float64) * scale[:, None, None]
    assert_close(y.read(), np.maximum(product + shift[:, None, None], 0), 2 * EPS * (np.abs(product) + 4))


def test_check_mode_is_silent(drv):
    with checked():
        test_layer_norm_of_channels(drv)
        test_group_and_instance_norm(drv, 4)
        test_affine(drv)
