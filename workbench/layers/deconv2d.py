"""deconv2d: y = convT(x, w) + a; with batch norm (convT(x, w) + a - m) * r / sqrt(v + bn_eps) + b.  NCHW."""

from __future__ import annotations

from workbench.layers.base import Case, Pads, Pair, key, layer
from workbench.layers.transposed import TransposedConv
from workbench.layers.window import PAD_TF


@layer("deconv2d")
class Deconv2d(TransposedConv):
    """Transposed convolution over NCHW; kernel [in, out/group, kh, kw] as PyTorch holds it."""

    axes = 2
    channel: int = key(doc="output channels")
    kernel: Pair = key(doc="h,w")
    stride: Pair = key(Pair(1), doc="h,w")
    pad: Pads = key(Pads(0), doc="cut from all sides, h,w, or top,bottom,left,right")
    pad_tf: str = key("", among=PAD_TF, doc="TensorFlow's padding instead of pad")
    group: int = key(1, doc="channel groups")
    dilation: Pair = key(Pair(1), doc="h,w")
    output_pad: Pair = key(Pair(0), doc="h,w added at the bottom and right")
    weight_order: str = key("wa", doc="w kernel, a bias, r b m v batch norm")
    bn_eps: float = key(1e-5, doc="added to the running variance")

    CASES = [
        Case("channel=4 kernel=2 stride=2", [(2, 3, 5, 7)]),
        Case("channel=4 kernel=4 stride=2 pad=1 weight_order=wrbmv bn_eps=1e-3", [(1, 3, 5, 4)]),
        Case("channel=4 kernel=3,5 stride=2,3 pad=0,1,2,0 output_pad=1,2 weight_order=w", [(2, 3, 4, 5)]),
        Case("channel=6 kernel=3 stride=2 pad=1 output_pad=1 group=3 weight_order=warbmv", [(1, 9, 5, 5)]),
        Case("channel=4 kernel=3 pad=1 dilation=2 weight_order=wbmv", [(1, 4, 6, 5)]),
        Case("channel=8 kernel=3 stride=2 group=8 output_pad=1", [(2, 8, 5, 3)]),
        Case("channel=4 kernel=5,4 stride=2,3 pad_tf=same", [(1, 3, 5, 4)]),
        Case("channel=4 kernel=2 stride=3 pad_tf=same weight_order=wrbmv", [(1, 3, 5, 4)]),
        Case("channel=4 kernel=3 stride=2 pad_tf=valid", [(1, 3, 5, 4)]),
    ]
