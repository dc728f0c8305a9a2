"""The config line that a PyTorch module maps to, where its type maps to one layer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from workbench.layers.activation import ACTS

ACT_MODULES = {
    "ReLU": "relu", "ReLU6": "relu6", "SiLU": "silu", "LeakyReLU": "leaky", "Sigmoid": "sigmoid", "Tanh": "tanh",
    "GELU": "gelu", "ELU": "elu", "SELU": "selu", "Softplus": "softplus", "Softsign": "softsign", "Mish": "mish",
    "Hardsigmoid": "hard_sigmoid", "Identity": "identity", "Dropout": "identity",
}  # fmt: skip


def propose(module: Any, path: str) -> str:
    """The line for one module call, tied to it by name=; empty where no single layer does what the module does.

    Batch norm that follows a convolution is one line with it: tie the line to the batch norm (or the activation)
    behind, and the weights' writer folds it.
    """
    kind = type(module).__name__
    if kind in ACT_MODULES:
        return f"[activation] {_act(module, kind)} name={path}".replace("  ", " ")
    rule = RULES.get(kind)
    words = rule(module) if rule else None
    return f"{words} name={path}" if words else ""


def _act(module: Any, kind: str) -> str:
    act = ACT_MODULES[kind]
    if kind == "GELU" and module.approximate == "tanh":
        act = "gelu2"
    alpha = {"LeakyReLU": "negative_slope", "ELU": "alpha"}.get(kind)
    given = f" act_alpha={getattr(module, alpha)}" if alpha and getattr(module, alpha) != ACTS[act].alpha else ""
    return f"act={act}{given}"


def _conv(m: Any) -> str:
    if isinstance(m.padding, str):
        pad = " pad_tf=valid" if m.padding == "valid" else ""
        if m.padding == "same":
            return ""  # PyTorch's and TensorFlow's SAME differ by a pixel for even kernels
    else:
        pad = _window("pad", m.padding, 0)
    if m.padding_mode != "zeros":
        return ""
    return (
        f"[conv2d] channel={m.out_channels}{_window('kernel', m.kernel_size)}{_window('stride', m.stride, 1)}{pad}"
        f"{_window('dilation', m.dilation, 1)}{_key('group', m.groups, 1)} weight_order={_order(m)}"
    )


def _deconv(m: Any) -> str:
    return (
        f"[deconv2d] channel={m.out_channels}{_window('kernel', m.kernel_size)}{_window('stride', m.stride, 1)}"
        f"{_window('pad', m.padding, 0)}{_window('output_pad', m.output_padding, 0)}"
        f"{_window('dilation', m.dilation, 1)}{_key('group', m.groups, 1)} weight_order={_order(m)}"
    )


def _order(m: Any) -> str:
    return "w" if m.bias is None else "wa"


def _pool(m: Any) -> str:
    mode = "max" if "Max" in type(m).__name__ else "avg"
    extra = (
        _window("dilation", m.dilation, 1) if mode == "max" else _key("count_include_pad", int(m.count_include_pad), 0)
    )
    return (
        f"[pool2d] mode={mode}{_window('kernel', m.kernel_size)}{_window('stride', m.stride, 1)}"
        f"{_window('pad', m.padding, 0)}{_key('ceil_mode', int(m.ceil_mode), 0)}{extra}"
    )


def _upsample(m: Any) -> str:
    factor = m.scale_factor[0] if isinstance(m.scale_factor, tuple) else m.scale_factor
    if m.mode == "nearest" and factor and float(factor).is_integer():
        return f"[upsample] factor={int(factor)}"
    return ""


def _layer_norm(m: Any) -> str:
    if len(m.normalized_shape) != 1 or m.weight is None or m.bias is None:
        return ""
    return f"[norm] mode=layer axis=-1 eps={m.eps:g} weight_order=rb"


RULES: dict[str, Callable[[Any], str]] = {
    "Conv2d": _conv,
    "ConvTranspose2d": _deconv,
    "BatchNorm2d": lambda m: f"[bn] weight_order={'rbmv' if m.affine else ''} bn_eps={m.eps:g}" if m.affine else "",
    "Linear": lambda m: f"[dense] hidden={m.out_features} weight_order={_order(m)}",
    "MaxPool2d": _pool,
    "AvgPool2d": _pool,
    "AdaptiveAvgPool2d": lambda m: f"[pool2d] mode=adapavg{_window('output_size', m.output_size)}",
    "AdaptiveMaxPool2d": lambda m: f"[pool2d] mode=adapmax{_window('output_size', m.output_size)}",
    "Upsample": _upsample,
    "Softmax": lambda m: f"[softmax] axis={m.dim}",
    "PixelShuffle": lambda m: f"[pixelshuffle] factor={m.upscale_factor}",
    "LayerNorm": _layer_norm,
}


def _window(key: str, value: Any, default: int | None = None) -> str:
    """` key=value` for one number or h,w; nothing where it is the default."""
    pair = tuple(value) if isinstance(value, tuple | list) else (value, value)
    if None in pair or pair == (default, default):
        return ""
    return f" {key}={pair[0]}" if pair[0] == pair[1] else f" {key}={pair[0]},{pair[1]}"


def _key(key: str, value: int, default: int) -> str:
    return "" if value == default else f" {key}={value}"
