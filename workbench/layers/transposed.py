"""Transposed convolution over any number of axes: what deconv1d and deconv2d share."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

from cuda_ops import deconv2d as kernels
from workbench.errors import WorkbenchError
from workbench.graph import TensorSpec
from workbench.layers.base import FLOATING, Layer, want_dtype, want_rank
from workbench.layers.batchnorm import fold, require_order
from workbench.layers.window import require_groups, resolve_pads


class TransposedConv(Layer):
    """y = convT(x, w) + a, where pad crops the ends and output_pad lengthens the last one, as in PyTorch.

    Size of an axis: (n - 1) * stride + (kernel - 1) * dilation + 1 - before - after + output_pad.
    pad_tf=same crops to n * stride, the gradient of TensorFlow's SAME convolution; valid crops nothing.
    """

    axes: ClassVar[int]  # axes after the channels
    channel: int
    kernel: Any
    stride: Any
    pad: Any
    pad_tf: str
    group: int
    dilation: Any
    output_pad: Any
    weight_order: str
    bn_eps: float

    def weights(self, x: TensorSpec) -> list[tuple[str, tuple[int, ...]]]:
        kernel = (x.shape[1], self.channel // self.group, *each(self.kernel))
        return [(letter, kernel if letter == "w" else (self.channel,)) for letter in self.weight_order]

    def infer(self, x: TensorSpec) -> list[TensorSpec]:
        want_rank(x, 2 + self.axes)
        want_dtype(x, *FLOATING)
        require_order(self.weight_order)
        require_groups(x.shape[1], self.channel, self.group)
        if min(*each(self.kernel), *each(self.stride), *each(self.dilation)) < 1:
            raise WorkbenchError(
                f"expected kernel, stride and dilation of at least 1; got {self.kernel}, {self.stride}, {self.dilation}"
            )
        for extra, s, d in zip(each(self.output_pad), each(self.stride), each(self.dilation), strict=True):
            if not 0 <= extra < max(s, d):
                raise WorkbenchError(f"expected an output_pad below stride or dilation, {max(s, d)}; got {extra}")
        full = self.full(x.shape[2:])
        size = [n - sum(crop) for n, crop in zip(full, self.crops(x.shape[2:]), strict=True)]
        if min(size) < 1:
            raise WorkbenchError(f"pad={self.pad} leaves nothing of {full}", note="check pad and kernel")
        return [TensorSpec((x.shape[0], self.channel, *size))]

    def flops(self, *x: TensorSpec) -> int:
        """Every input value is spread over a kernel."""
        return 2 * math.prod(abs(n) for n in x[0].shape) * math.prod(dict(self.weights(*x)).get("w", ())[1:])

    def full(self, sizes: Sequence[int]) -> list[int]:
        """Sizes before cropping."""
        windows = zip(sizes, each(self.kernel), each(self.stride), each(self.dilation), strict=True)
        return [(n - 1) * s + (k - 1) * d + 1 for n, k, s, d in windows]

    def crops(self, sizes: Sequence[int]) -> list[tuple[int, int]]:
        """(before, after) cut from every axis; below zero where zeros are appended."""
        kernel, stride, dilation = each(self.kernel), each(self.stride), each(self.dilation)
        if self.pad_tf == "same":  # to n * stride, whatever of it a kernel below the stride does not reach being zero
            target = [n * s for n, s in zip(sizes, stride, strict=True)]
            before = resolve_pads("same", (), target, kernel, stride, dilation)[::2]
            return [(b, f - b - t) for b, f, t in zip(before, self.full(sizes), target, strict=True)]
        pads = resolve_pads(self.pad_tf, each(self.pad), sizes, kernel, stride, dilation)
        return [(b, a - o) for b, a, o in zip(pads[::2], pads[1::2], each(self.output_pad), strict=True)]

    def reference(self, torch: Any, w: dict[str, Any], x: Any) -> Any:
        kernel, bias = self.folded(w)
        conv = getattr(torch, f"conv_transpose{self.axes}d")
        y = conv(x, kernel, None, each(self.stride), 0, 0, self.group, each(self.dilation))
        y = torch.nn.functional.pad(y, [-c for crop in reversed(self.crops(x.shape[2:])) for c in crop])
        return y if bias is None else y + bias.reshape(1, -1, *[1] * self.axes)

    def openvino(self, ov: Any, w: dict[str, Any], x: Any) -> Any:
        kernel, bias = self.folded(w)
        crops = self.crops([d.get_length() for d in x.get_partial_shape()[2:]])
        where: dict[str, Any] = {
            "strides": list(each(self.stride)),
            "dilations": list(each(self.dilation)),
            "pads_begin": [before for before, _ in crops],
            "pads_end": [max(after, 0) for _, after in crops],
        }
        if self.group == 1:
            y = ov.convolution_backprop_data(x, kernel, **where)
        else:  # OpenVINO keeps the group as the kernel's first axis
            y = ov.group_convolution_backprop_data(x, kernel.reshape(self.group, -1, *kernel.shape[1:]), **where)
        if any(after < 0 for _, after in crops):  # the plug-in's own output_padding goes wrong for a kernel of 1
            zeros = [max(-after, 0) for _, after in crops]
            y = ov.pad(y, [0] * (2 + self.axes), [0, 0, *zeros], "constant", 0.0)
        return y if bias is None else ov.add(y, bias.reshape(1, -1, *[1] * self.axes))

    def cuda(self, plan: Any, x: list[Any], w: dict[str, Any]) -> Any:
        kernel, bias = self.folded(w)
        batch, channels, *sizes = x[0].shape
        crop = [before for before, _ in self.crops(sizes)]
        out = plan.specs[0].shape[2:]
        d = kernels.Deconv2d(batch, channels, *_two(sizes), self.channel, _two(each(self.kernel)), _two(out),
                             _two(each(self.stride)), _two(crop, 0), _two(each(self.dilation)), self.group)  # fmt: skip
        packed = plan.constant(kernels.pack_deconv2d(kernel.reshape(*kernel.shape[:2], *d.kernel), d))
        return plan.product(
            lambda y, e: kernels.deconv2d(d, x[0], packed, bias, y, e.act), terms=kernel[:, 0].size, residual=False
        )

    def folded(self, w: dict[str, Any]) -> tuple[Any, Any]:
        """Kernel [in, out/group, ...] and bias with batch norm folded in; folding wants output channels first."""
        kernel = w["w"]
        inputs, outs, *rest = kernel.shape
        shape = (self.group, inputs // self.group, outs, *rest)
        out_first = kernel.reshape(shape).swapaxes(1, 2).reshape(self.channel, -1, *rest)
        out_first, bias = fold({**w, "w": out_first}, self.bn_eps)
        grouped = out_first.reshape(self.group, outs, -1, *rest)
        return grouped.swapaxes(1, 2).reshape(kernel.shape), bias


def _two(sizes: Sequence[int], missing: int = 1) -> tuple[int, int]:
    """Sizes along two axes, `missing` along the first where there is one."""
    return (missing, sizes[0]) if len(sizes) == 1 else (sizes[0], sizes[1])


def each(value: int | Sequence[int]) -> tuple[int, ...]:
    """An int as the tuple of its one axis."""
    return (value,) if isinstance(value, int) else tuple(value)
