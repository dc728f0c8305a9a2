"""conv2d: scale * conv(x, w) + a; with batch norm (scale * conv(x, w) + a - m) * r / sqrt(v + bn_eps) + b. (NCHW)"""

from __future__ import annotations

from typing import Any

from cuda_ops import conv2d as kernels
from workbench.graph import TensorSpec
from workbench.layers.base import Case, Layer, Pads, Pair, key, layer, want_rank
from workbench.layers.batchnorm import fold, require_order
from workbench.layers.window import PAD_TF, require_groups, resolve_pads, window_size


@layer("conv2d")
class Conv2d(Layer):
    """Convolution over NCHW; kernel [out, in/group, kh, kw] as in PyTorch, batch norm and bias by weight_order."""

    channel: int = key(doc="output channels")
    kernel: Pair = key(doc="h,w")
    stride: Pair = key(Pair(1), doc="h,w")
    pad: Pads = key(Pads(0), doc="all sides, h,w, or top,bottom,left,right")
    pad_tf: str = key("", among=PAD_TF, doc="TensorFlow's padding instead of pad")
    dilation: Pair = key(Pair(1), doc="h,w")
    group: int = key(1, doc="channel groups")
    scale: float = key(1.0, doc="multiplies kernel and bias")
    weight_order: str = key("wa", doc="w kernel, a bias, r b m v batch norm")
    bn_eps: float = key(1e-5, doc="added to the running variance")

    def weights(self, x: TensorSpec) -> list[tuple[str, tuple[int, ...]]]:
        kernel = (self.channel, x.shape[1] // self.group, *self.kernel)
        return [(letter, kernel if letter == "w" else (self.channel,)) for letter in self.weight_order]

    def infer(self, x: TensorSpec) -> list[TensorSpec]:
        want_rank(x, 4)
        require_order(self.weight_order)
        require_groups(x.shape[1], self.channel, self.group)
        pads = self.pads(x.shape[2:])
        size = [
            window_size(x.shape[2 + i], self.kernel[i], self.stride[i], pads[2 * i : 2 * i + 2], self.dilation[i])
            for i in (0, 1)
        ]
        return [TensorSpec((x.shape[0], self.channel, *size))]

    def pads(self, hw: Any) -> tuple[int, ...]:
        return resolve_pads(self.pad_tf, self.pad, hw, self.kernel, self.stride, self.dilation)

    def reference(self, torch: Any, w: dict[str, Any], x: Any) -> Any:
        top, bottom, left, right = self.pads(x.shape[2:])
        kernel, bias = fold(w, self.bn_eps, self.scale)
        pad = (top, left)
        if (top, left) != (bottom, right):
            x, pad = torch.nn.functional.pad(x, (left, right, top, bottom)), (0, 0)
        return torch.conv2d(x, kernel, bias, self.stride, pad, self.dilation, self.group)

    def openvino(self, ov: Any, w: dict[str, Any], x: Any) -> Any:
        kernel, bias = fold(w, self.bn_eps, self.scale)
        top, bottom, left, right = self.pads([d.get_length() for d in x.get_partial_shape()[2:]])
        where = (list(self.stride), [top, left], [bottom, right], list(self.dilation))
        if self.group == 1:
            y = ov.convolution(x, kernel, *where)
        else:  # OpenVINO keeps the group as the kernel's first axis
            y = ov.group_convolution(x, kernel.reshape(self.group, -1, *kernel.shape[1:]), *where)
        return y if bias is None else ov.add(y, bias.reshape(1, -1, 1, 1))

    def cuda(self, plan: Any, x: list[Any], w: dict[str, Any]) -> Any:
        kernel, bias = fold(w, self.bn_eps, self.scale)
        batch, channels, height, width = x[0].shape
        window = (self.kernel, self.stride, self.pads((height, width)), self.dilation)
        conv = kernels.Conv2d(batch, channels, height, width, self.channel, *window, self.group)
        packed = plan.constant(kernels.pack_conv2d(kernel, conv))
        plain = (plan.constant(kernel), None if bias is None else plan.constant(bias))

        def make(y: Any, e: Any) -> Any:
            return kernels.conv2d(conv, x[0], packed, bias, y, e.residual, e.act, e.after, plain=plain)

        return plan.product(make, terms=kernel[0].size)

    CASES = [
        Case("channel=4 kernel=3 stride=2 pad=1", [(1, 3, 9, 9)]),
        Case("channel=4 kernel=1,3 pad=0,0,1,1 weight_order=wrbmv bn_eps=1e-3", [(2, 3, 5, 7)]),
        Case("channel=4 kernel=3 weight_order=wbmv pad_tf=same stride=2", [(1, 3, 6, 7)]),
        Case("channel=6 kernel=3 pad=2 dilation=2 group=3 weight_order=w", [(1, 3, 8, 8)]),
        Case("channel=8 kernel=5 pad_tf=same stride=2,1 group=8 weight_order=warbmv", [(1, 8, 10, 9)]),
        Case("channel=4 kernel=1 scale=0.17 pad_tf=valid", [(1, 16, 5, 5)]),
    ]
