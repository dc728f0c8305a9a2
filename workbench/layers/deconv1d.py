"""deconv1d: y = convT(x, w) + a; with batch norm (convT(x, w) + a - m) * r / sqrt(v + bn_eps) + b.  NCL."""

from __future__ import annotations

from workbench.layers.base import Case, Pair, key, layer
from workbench.layers.transposed import TransposedConv
from workbench.layers.window import PAD_TF


@layer("deconv1d")
class Deconv1d(TransposedConv):
    """Transposed convolution over [batch, channel, length]; kernel [in, out/group, k] as PyTorch holds it."""

    axes = 1
    channel: int = key(doc="output channels")
    kernel: int = key(doc="length of the window")
    stride: int = key(1, doc="distance of the windows in the output")
    pad: Pair = key(Pair(0), doc="cut from both ends, or before,after")
    pad_tf: str = key("", among=PAD_TF, doc="TensorFlow's padding instead of pad")
    group: int = key(1, doc="channel groups")
    dilation: int = key(1, doc="distance of the window's taps")
    output_pad: int = key(0, doc="added at the end")
    weight_order: str = key("wa", doc="w kernel, a bias, r b m v batch norm")
    bn_eps: float = key(1e-5, doc="added to the running variance")

    CASES = [
        Case("channel=4 kernel=2 stride=2", [(2, 3, 7)]),
        Case("channel=4 kernel=4 stride=3 pad=0,2 output_pad=1 weight_order=wrbmv bn_eps=1e-3", [(1, 3, 5)]),
        Case("channel=6 kernel=3 stride=2 pad=1 output_pad=1 group=3 weight_order=warbmv", [(2, 9, 5)]),
        Case("channel=4 kernel=3 pad=1 dilation=2 weight_order=w", [(1, 4, 6)]),
        Case("channel=4 kernel=5 stride=2 pad_tf=same weight_order=wbmv", [(1, 3, 5)]),
        Case("channel=4 kernel=1 pad=1,0 dilation=2 output_pad=1 weight_order=w", [(1, 8, 2)]),
        Case("channel=4 kernel=3 stride=2 pad_tf=valid", [(1, 3, 5)]),
    ]
