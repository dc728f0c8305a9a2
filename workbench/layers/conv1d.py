"""conv1d: y = scale * conv(x, w) + a; with batch norm (scale * conv(x, w) + a - m) * r / sqrt(v + bn_eps) + b.  NCL."""

from __future__ import annotations

from typing import Any

from cuda_ops import conv2d as kernels
from workbench.graph import TensorSpec
from workbench.layers.base import FLOATING, Case, Layer, Pair, key, layer, want_dtype, want_rank
from workbench.layers.batchnorm import fold, require_order
from workbench.layers.window import PAD_TF, require_groups, resolve_pads, window_size


@layer("conv1d")
class Conv1d(Layer):
    """Convolution over [batch, channel, length]; kernel [out, in/group, k] as PyTorch holds it."""

    channel: int = key(doc="output channels")
    kernel: int = key(doc="length of the window")
    stride: int = key(1, doc="step of the window")
    pad: Pair = key(Pair(0), doc="both ends, or before,after")
    pad_tf: str = key("", among=PAD_TF, doc="TensorFlow's padding instead of pad")
    dilation: int = key(1, doc="distance of the window's taps")
    group: int = key(1, doc="channel groups")
    scale: float = key(1.0, doc="multiplies kernel and bias")
    weight_order: str = key("wa", doc="w kernel, a bias, r b m v batch norm")
    bn_eps: float = key(1e-5, doc="added to the running variance")

    def weights(self, x: TensorSpec) -> list[tuple[str, tuple[int, ...]]]:
        kernel = (self.channel, x.shape[1] // self.group, self.kernel)
        return [(letter, kernel if letter == "w" else (self.channel,)) for letter in self.weight_order]

    def infer(self, x: TensorSpec) -> list[TensorSpec]:
        want_rank(x, 3)
        want_dtype(x, *FLOATING)
        require_order(self.weight_order)
        require_groups(x.shape[1], self.channel, self.group)
        size = window_size(x.shape[2], self.kernel, self.stride, self.pads(x.shape[2]), self.dilation)
        return [TensorSpec((x.shape[0], self.channel, size))]

    def pads(self, n: int) -> tuple[int, ...]:
        return resolve_pads(self.pad_tf, self.pad, [n], [self.kernel], [self.stride], [self.dilation])

    def reference(self, torch: Any, w: dict[str, Any], x: Any) -> Any:
        kernel, bias = fold(w, self.bn_eps, self.scale)
        x = torch.nn.functional.pad(x, self.pads(x.shape[2]))
        return torch.conv1d(x, kernel, bias, self.stride, 0, self.dilation, self.group)

    def openvino(self, ov: Any, w: dict[str, Any], x: Any) -> Any:
        kernel, bias = fold(w, self.bn_eps, self.scale)
        before, after = self.pads(x.get_partial_shape()[2].get_length())
        where = ([self.stride], [before], [after], [self.dilation])
        if self.group == 1:
            y = ov.convolution(x, kernel, *where)
        else:  # OpenVINO keeps the group as the kernel's first axis
            y = ov.group_convolution(x, kernel.reshape(self.group, -1, *kernel.shape[1:]), *where)
        return y if bias is None else ov.add(y, bias.reshape(1, -1, 1))

    def cuda(self, plan: Any, x: list[Any], w: dict[str, Any]) -> Any:
        kernel, bias = fold(w, self.bn_eps, self.scale)
        batch, channels, n = x[0].shape
        window = ((1, self.kernel), (1, self.stride), (0, 0, *self.pads(n)), (1, self.dilation))
        conv = kernels.Conv2d(batch, channels, 1, n, self.channel, *window, self.group)
        packed = plan.constant(kernels.pack_conv2d(kernel[:, :, None], conv))
        return plan.product(lambda y, e: kernels.conv2d(conv, x[0], packed, bias, y, *e), terms=kernel[0].size)

    CASES = [
        Case("channel=4 kernel=3 stride=2 pad=1", [(2, 3, 9)]),
        Case("channel=4 kernel=4 pad=0,3 weight_order=wrbmv bn_eps=1e-3", [(2, 3, 7)]),
        Case("channel=4 kernel=3 weight_order=wbmv pad_tf=same stride=2", [(1, 3, 6)]),
        Case("channel=6 kernel=3 pad=2 dilation=2 group=3 weight_order=w", [(1, 3, 8)]),
        Case("channel=8 kernel=5 pad_tf=same group=8 weight_order=warbmv", [(1, 8, 11)]),
        Case("channel=4 kernel=1 scale=0.17 pad_tf=valid", [(1, 16, 5)]),
    ]
