"""elementwise.cu against NumPy in float64."""

import math

import numpy as np
import pytest
from kernel_testing import EPS, Tensor, assert_close, checked, rounded, run

from cuda_ops.elementwise import FUNCTIONS, OPERATIONS, Function, Step, elementwise
from cuda_ops.launch import ACTS, Act

pytestmark = pytest.mark.emulator
rng = np.random.default_rng(0)
erf = np.vectorize(math.erf)


def elu(v, alpha):
    return np.where(v < 0, alpha * np.expm1(np.minimum(v, 0)), v)


def softplus(v):
    return np.maximum(v, 0) + np.log1p(np.exp(-np.abs(v)))


REFERENCE = {
    "identity": lambda v, a, b: v,
    "relu": lambda v, a, b: np.maximum(v, 0),
    "relu6": lambda v, a, b: np.clip(v, 0, 6),
    "silu": lambda v, a, b: v / (1 + np.exp(-v)),
    "leaky": lambda v, a, b: np.where(v < 0, a * v, v),
    "sigmoid": lambda v, a, b: 1 / (1 + np.exp(-v)),
    "tanh": lambda v, a, b: np.tanh(v),
    "gelu": lambda v, a, b: 0.5 * v * (1 + erf(v / math.sqrt(2))),
    "gelu2": lambda v, a, b: 0.5 * v * (1 + np.tanh(math.sqrt(2 / math.pi) * (v + 0.044715 * v**3))),
    "elu": lambda v, a, b: elu(v, a),
    "selu": lambda v, a, b: b * elu(v, a),
    "softplus": lambda v, a, b: softplus(v),
    "softsign": lambda v, a, b: v / (1 + np.abs(v)),
    "hard_sigmoid": lambda v, a, b: np.clip(a * v + b, 0, 1),
    "scaled_tanh": lambda v, a, b: a * np.tanh(b * v),
    "clip": lambda v, a, b: np.clip(v, a, b),
    "mish": lambda v, a, b: v * np.tanh(softplus(v)),
}
ALPHA_BETA = {"leaky": (0.1, 0), "elu": (0.7, 0), "selu": (1.6732632, 1.0507010), "hard_sigmoid": (1 / 6, 0.5),
              "scaled_tanh": (1.7159, 0.6667), "clip": (-0.5, 0.25)}  # fmt: skip
FUNCTION_REFERENCE = {
    "neg": np.negative,
    "rsqrt": lambda v: v**-0.5,
    "recip": np.reciprocal,
    "erf": erf,
    "round": np.rint,
}
FUNCTION_REFERENCE |= {"asin": np.arcsin, "acos": np.arccos, "atan": np.arctan}
FUNCTION_REFERENCE |= {"asinh": np.arcsinh, "acosh": np.arccosh, "atanh": np.arctanh}
OPERATION_REFERENCE = {
    "add": np.add, "sub": np.subtract, "rsub": lambda x, v: v - x, "mul": np.multiply, "div": np.divide,
    "rdiv": lambda x, v: v / x, "max": np.maximum, "min": np.minimum, "pow": np.power, "mod": np.mod, "fmod": np.fmod,
    "greater": np.greater, "less": np.less, "equal": np.equal,
}  # fmt: skip


def run_chain(chain, inputs, shape, storage="f32"):
    y = Tensor(shape, storage)
    run(elementwise(chain, [(Tensor(v, storage), v.shape) for v in inputs], y, shape), storage=storage)
    return y.read()


@pytest.mark.parametrize("name", ACTS)
def test_activations(drv, name):
    x = np.concatenate([rng.standard_normal(997) * 5, [0.0, -90.0, 90.0]]).astype(np.float32)
    alpha, beta = ALPHA_BETA.get(name, (0.0, 0.0))
    with np.errstate(over="ignore"):
        want = REFERENCE[name](x.astype(np.float64), np.float64(np.float32(alpha)), np.float64(np.float32(beta)))
    # a handful of operations, each within 2 units in the last place; 1 + erf and 1 + tanh lose what cancels,
    # which is relative to their argument x
    cancels = np.abs(x) if name in ("gelu", "gelu2") else 0
    assert_close(run_chain([Act(name, alpha, beta)], [x], x.shape), want, 12 * EPS * (np.abs(want) + cancels) + 1e-37)


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if name not in ("threshold", "replace_inf")])
def test_functions(drv, name):
    low, high = {"acosh": (1, 9), "asin": (-1, 1), "acos": (-1, 1), "atanh": (-0.9, 0.9)}.get(name, (-4, 4))
    low = 0.1 if name in ("log", "sqrt", "rsqrt", "recip") else low
    x = rng.uniform(low, high, 500).astype(np.float32)
    want = FUNCTION_REFERENCE.get(name, getattr(np, name, None))(x.astype(np.float64))
    assert_close(run_chain([name], [x], x.shape), want, 8 * EPS * np.abs(want) + 1e-37)


@pytest.mark.parametrize("name", OPERATIONS)
def test_operations(drv, name):
    x, v = rng.uniform(0.5, 4, (2, 3, 40)).astype(np.float32), rng.uniform(0.5, 4, (2, 3, 40)).astype(np.float32)
    v[0] = x[0]
    want = OPERATION_REFERENCE[name](x.astype(np.float64), v.astype(np.float64)).astype(np.float64)
    if name == "mod":  # x - floor(x / v) v, where x / v was rounded: exact multiples may fall on either side
        want[0] = 0
    assert_close(run_chain([Step(name, "b")], [x, v], x.shape), want, 8 * EPS * np.maximum(np.abs(want), 4))


def test_infinities_and_nan(drv):
    x = np.array([np.inf, -np.inf, np.nan, 0], np.float32)
    for name in ("relu", "relu6", "clip", "leaky"):
        got = run_chain([Act(name, 0.5, 1.0)], [x], x.shape)
        assert np.isnan(got[2]) and not np.isnan(got[[0, 1, 3]]).any()
    assert np.isnan(run_chain([Step("max", 1.0)], [x], x.shape)[2])


def test_functions_with_numbers(drv):
    x = np.array([1, np.inf, 0.5, -np.inf, np.nan, -3], np.float32)
    nan = np.nan
    for function, want in (
        (Function("threshold", 0.5), [1, np.inf, 0, 0, 0, 0]),
        (Function("threshold", 0.25, 7), [7, 7, 7, 0, 0, 0]),
        (Function("replace_inf", -2), [1, -2, 0.5, -2, nan, -3]),
    ):
        np.testing.assert_array_equal(run_chain([function], [x], x.shape), np.array(want, np.float32))


def test_inputs_with_gaps(drv):
    """A transposed and a strided input, told by their strides."""
    x, v = rng.standard_normal((5, 3)).astype(np.float32), rng.standard_normal((3, 10)).astype(np.float32)
    y = Tensor((3, 5))
    run(elementwise([Step("sub", "b")], [(Tensor(x), (3, 5), (1, 3)), (Tensor(v), (3, 5), (10, 2))], y, (3, 5)))
    np.testing.assert_array_equal(y.read(), x.T - v[:, ::2])


@pytest.mark.parametrize(
    "a, b, c",
    [
        ((2, 3, 4, 5), (1, 3, 1, 1), (5,)),
        ((3, 1, 7), (1, 5, 7), (3, 5, 1)),
        ((6,), (1,), (6,)),
        ((2, 1, 3, 1, 4), (2, 5, 3, 1, 4), (1, 1, 1, 1, 1)),
        ((4, 8), (4, 8), (4, 8)),
    ],
)
def test_broadcasting(drv, a, b, c):
    x, v, u = (rng.standard_normal(s).astype(np.float32) for s in (a, b, c))
    shape = np.broadcast_shapes(a, b, c)
    want = np.maximum((x.astype(np.float64) + v) * u - 0.5, 0)
    chain = [Step("add", "b"), Step("mul", "c"), Step("sub", 0.5), Act("relu")]
    bound = 4 * EPS * (np.abs((np.abs(x) + np.abs(v)) * u) + 0.5)
    assert_close(run_chain(chain, [x, v, u], shape), want, bound)


@pytest.mark.parametrize("storage", ["f16", "bf16"])
@pytest.mark.parametrize("shape", [(4, 8), (3, 5)])
def test_storage(drv, storage, shape):
    x, v = rounded(rng.standard_normal(shape), storage), rounded(rng.standard_normal(shape), storage)
    want = x.astype(np.float64) + v
    assert_close(run_chain([Step("add", "b")], [x, v], shape, storage), want, EPS * np.abs(want), storage)


@pytest.mark.parametrize("shape", [(4, 8), (3, 5)])
def test_check_mode_is_silent(drv, shape):
    x, v = rng.standard_normal(shape).astype(np.float32), rng.standard_normal(shape[-1:]).astype(np.float32)
    with checked():
        assert np.array_equal(run_chain([Step("add", "b")], [x, v], shape), x + v)
        assert np.array_equal(run_chain(["neg"], [x], shape), -x)


def test_dimensions_that_do_not_merge_are_told():
    with pytest.raises(ValueError, match="elementwise over 6 dimensions"):
        elementwise([], [(None, (2, 1, 2, 1, 2, 1)), (None, (1, 2, 1, 2, 1, 2))], None, (2,) * 6)
