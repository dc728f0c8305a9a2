"""activation, and what every `act=` symbol means; alpha and beta are act_alpha and act_beta."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cuda_ops import launch as kernels
from workbench.graph import Act, TensorSpec
from workbench.layers.base import Case, Layer, layer


@dataclass(frozen=True)
class Activation:
    """One function on torch and on OpenVINO: f(module, x, alpha, beta); alpha and beta are the defaults."""

    torch: Callable[..., Any]
    openvino: Callable[..., Any]
    alpha: float = 0.0
    beta: float = 0.0
    exact: bool = False


def _c(ov: Any, x: Any, value: float) -> Any:
    return ov.constant(value, x.get_element_type())


IDENTITY = Activation(lambda t, x, a, b: x, lambda ov, x, a, b: x, exact=True)
SILU = Activation(lambda t, x, a, b: t.nn.functional.silu(x), lambda ov, x, a, b: ov.swish(x))

# clip is to [alpha, beta]; scaled_tanh is alpha * tanh(beta * x); gelu2 is the tanh approximation
# (Hendrycks & Gimpel 2016); hard_sigmoid is max(0, min(1, alpha * x + beta)).
ACTS: dict[str, Activation] = {
    "identity": IDENTITY,
    "linear": IDENTITY,
    "relu": Activation(lambda t, x, a, b: t.relu(x), lambda ov, x, a, b: ov.relu(x), exact=True),
    "relu6": Activation(lambda t, x, a, b: t.clamp(x, 0, 6), lambda ov, x, a, b: ov.clamp(x, 0.0, 6.0), exact=True),
    "silu": SILU,
    "swish": SILU,
    "leaky": Activation(
        lambda t, x, a, b: t.nn.functional.leaky_relu(x, a), lambda ov, x, a, b: ov.prelu(x, _c(ov, x, a)), 0.01
    ),
    "sigmoid": Activation(lambda t, x, a, b: t.sigmoid(x), lambda ov, x, a, b: ov.sigmoid(x)),
    "tanh": Activation(lambda t, x, a, b: t.tanh(x), lambda ov, x, a, b: ov.tanh(x)),
    "gelu": Activation(lambda t, x, a, b: t.nn.functional.gelu(x), lambda ov, x, a, b: ov.gelu(x, "erf")),
    "gelu2": Activation(
        lambda t, x, a, b: t.nn.functional.gelu(x, approximate="tanh"), lambda ov, x, a, b: ov.gelu(x, "tanh")
    ),
    "elu": Activation(lambda t, x, a, b: t.nn.functional.elu(x, a), lambda ov, x, a, b: ov.elu(x, a), 1.0),
    "selu": Activation(
        lambda t, x, a, b: b * t.nn.functional.elu(x, a),
        lambda ov, x, a, b: ov.selu(x, _c(ov, x, a), _c(ov, x, b)),
        1.6732632423543772,
        1.0507009873554805,
    ),
    "softplus": Activation(
        lambda t, x, a, b: t.nn.functional.softplus(x, threshold=1e9), lambda ov, x, a, b: ov.softplus(x)
    ),
    "softsign": Activation(lambda t, x, a, b: x / (1 + x.abs()), lambda ov, x, a, b: ov.softsign(x)),
    "hard_sigmoid": Activation(
        lambda t, x, a, b: t.clamp(a * x + b, 0, 1),
        lambda ov, x, a, b: ov.hard_sigmoid(x, _c(ov, x, a), _c(ov, x, b)),
        1 / 6,
        0.5,
    ),
    "scaled_tanh": Activation(
        lambda t, x, a, b: a * t.tanh(b * x),
        lambda ov, x, a, b: ov.multiply(_c(ov, x, a), ov.tanh(ov.multiply(_c(ov, x, b), x))),
        1.0,
        1.0,
    ),
    "clip": Activation(lambda t, x, a, b: t.clamp(x, a, b), lambda ov, x, a, b: ov.clamp(x, a, b), 0.0, 1.0, True),
    "mish": Activation(
        lambda t, x, a, b: x * t.tanh(t.nn.functional.softplus(x, threshold=1e9)), lambda ov, x, a, b: ov.mish(x)
    ),
}


def apply_act(side: str, module: Any, act: Act, x: Any) -> Any:
    """act(x) on `side` "torch" or "openvino", whose operators `module` offers."""
    f = ACTS[act.name]
    alpha = f.alpha if act.alpha is None else act.alpha
    beta = f.beta if act.beta is None else act.beta
    return getattr(f, side)(module, x, alpha, beta)


def cuda_act(act: Act) -> kernels.Act:
    """The activation as cuda_ops knows it."""
    f, name = ACTS[act.name], {"linear": "identity", "swish": "silu"}.get(act.name, act.name)
    return kernels.Act(name, f.alpha if act.alpha is None else act.alpha, f.beta if act.beta is None else act.beta)


@layer("activation")
class ActivationLayer(Layer):
    """The layer's own act= applied to its input; nothing else."""

    @property
    def exact(self) -> bool:
        return True

    def infer(self, x: TensorSpec) -> list[TensorSpec]:
        return [x]

    def reference(self, torch: Any, w: dict[str, Any], x: Any) -> Any:
        return x

    def openvino(self, ov: Any, w: dict[str, Any], x: Any) -> Any:
        return x

    strided = True

    def cuda(self, plan: Any, x: list[Any], w: dict[str, Any]) -> Any:
        return x[0]

    CASES = [Case(f"act={name}", [(2, 3, 5)]) for name in ACTS] + [
        Case("act=leaky act_alpha=0.2", [(7,)]),
        Case("act=elu act_alpha=0.7", [(7,)]),
        Case("act=clip act_alpha=-0.5 act_beta=0.25", [(7,)]),
        Case("act=hard_sigmoid act_alpha=0.2 act_beta=0.4", [(7,)]),
        Case("act=scaled_tanh act_alpha=1.7159 act_beta=0.6667", [(7,)]),
    ]
