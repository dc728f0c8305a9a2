"""Launches of deconv2d.cu, and how its weights are packed."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from .conv2d import ENOUGH_BLOCKS, TILES
from .launch import IDENTITY, Act, Launch, ceil_div, flat

FEW_CHANNELS = 4  # input channels of a group up to which a matrix product would mostly multiply padding


@dataclass(frozen=True)
class Deconv2d:
    """The shape of a transposed convolution: x [batch, channels, height, width], w [channels, out_channels / groups,
    *kernel] as PyTorch has it. crop: rows and columns cut from the top and left of the full result; out: the size kept.
    """

    batch: int
    channels: int
    height: int
    width: int
    out_channels: int
    kernel: tuple[int, int]
    out: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    crop: tuple[int, int] = (0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1

    @property
    def direct(self) -> bool:
        """Computed output by output."""
        return self.dilation != (1, 1) or self.channels // self.groups <= FEW_CHANNELS

    @property
    def taps(self) -> tuple[int, int]:
        """Most taps of a phase, by axis."""
        return ceil_div(self.kernel[0], self.stride[0]), ceil_div(self.kernel[1], self.stride[1])


def pack_deconv2d(w: np.ndarray, d: Deconv2d) -> np.ndarray:
    """Weights as the kernel reads them: [group, phase, k, out channel padded to four], absent taps zero; for direct
    ones, unchanged."""
    if d.direct:
        return np.ascontiguousarray(w)
    (th, tw), (sh, sw), out = d.taps, d.stride, d.out_channels // d.groups
    whole = np.zeros((*w.shape[:2], th * sh, tw * sw), w.dtype)
    whole[:, :, : d.kernel[0], : d.kernel[1]] = w
    phased = whole.reshape(d.groups, -1, out, th, sh, tw, sw).transpose(0, 4, 6, 1, 3, 5, 2)
    packed = np.zeros((*phased.shape[:-1], ceil_div(out, 4) * 4), w.dtype)
    packed[..., :out] = phased
    return packed.reshape(d.groups, sh * sw, -1, packed.shape[-1])


def deconv2d(d: Deconv2d, x: Any, w: Any, bias: Any, y: Any, act: Act = IDENTITY) -> list[Launch]:
    """The launches that can compute act(convT(x, w) + bias), w packed by pack_deconv2d; the first is the best guess."""
    out = d.out_channels // d.groups
    epilogue = (d.groups, act.number, float(act.alpha), float(act.beta))
    shape = (d.channels // d.groups, d.height, d.width, out, *d.out)
    if d.direct:
        count = d.batch * d.out_channels * d.out[0] * d.out[1]
        window = (*d.kernel, *d.stride, *d.crop, *d.dilation)
        return [flat("deconv2d", "deconv2d_direct", count, x, w, bias, y, count, *shape, *window, *epilogue)]
    args = (x, w, bias, y, d.batch, *shape, *d.taps, *d.stride, *d.crop, *epilogue)
    pixels = d.batch * ceil_div(d.out[0], d.stride[0]) * ceil_div(d.out[1], d.stride[1])
    launches = []
    for m, n, thread_m, thread_n in TILES:
        grid = (ceil_div(pixels, n), ceil_div(out, m), d.groups * d.stride[0] * d.stride[1])
        named = zip(("TILE_M", "TILE_N", "THREAD_M", "THREAD_N"), map(str, (m, n, thread_m, thread_n)), strict=True)
        block = (m // thread_m * (n // thread_n), 1, 1)
        launches.append(Launch("deconv2d", "deconv2d", grid, block, args, defines=tuple(named)))
    return sorted(launches, key=lambda launch: -min(launch.blocks, ENOUGH_BLOCKS))
