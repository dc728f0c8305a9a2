"""Launches of conv2d.cu and conv2d_depthwise.cu, and how their weights are packed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .launch import IDENTITY, TENSOR, Act, Launch, ceil_div
from .libraries.shapes import ConvolutionShape

# (TILE_M, TILE_N, THREAD_M, THREAD_N): the larger the tile, the fewer loads per multiplication and the fewer blocks
TILES = ((128, 64, 8, 4), (64, 64, 4, 4), (32, 32, 4, 4))
TENSOR_TILES = ((128, 128, 32, 2), (128, 64, 16, 2), (64, 64, 16, 2))  # on tensor cores
ENOUGH_BLOCKS = 264  # two for each of an H100's 132 multiprocessors


@dataclass(frozen=True)
class Conv2d:
    """The shape of a convolution: x [batch, channels, height, width], w [out_channels, channels / groups, *kernel];
    pads are top, bottom, left, right."""

    batch: int
    channels: int
    height: int
    width: int
    out_channels: int
    kernel: tuple[int, ...]
    stride: tuple[int, ...] = (1, 1)
    pads: tuple[int, ...] = (0, 0, 0, 0)
    dilation: tuple[int, ...] = (1, 1)
    groups: int = 1

    @property
    def out(self) -> tuple[int, int]:
        """Output height and width."""
        (kh, kw), (sh, sw), (dh, dw) = self.kernel, self.stride, self.dilation
        h, w = self.height + self.pads[0] + self.pads[1], self.width + self.pads[2] + self.pads[3]
        return (h - dh * (kh - 1) - 1) // sh + 1, (w - dw * (kw - 1) - 1) // sw + 1

    @property
    def depthwise(self) -> bool:
        return self.groups == self.channels and self.channels > 1

    @property
    def pointwise(self) -> bool:
        return self.kernel == (1, 1) == self.stride and not any(self.pads)


def pack_conv2d(w: np.ndarray, conv: Conv2d) -> np.ndarray:
    """Weights as the kernel reads them: [group, k, out channel padded to four]; depthwise ones stay as they are."""
    if conv.depthwise:
        return np.ascontiguousarray(w)
    out = conv.out_channels // conv.groups
    packed = np.zeros((conv.groups, w[0].size, ceil_div(out, 4) * 4), w.dtype)
    packed[:, :, :out] = w.reshape(conv.groups, out, -1).transpose(0, 2, 1)
    return packed


def conv2d(
    conv: Conv2d,
    x: Any,
    w: Any,
    bias: Any,
    y: Any,
    residual: Any = None,
    act: Act = IDENTITY,
    add_after_act: bool = False,
    batch_strides: Sequence[int] | None = None,
    plain: tuple[Any, Any] | None = None,
) -> list[Launch]:
    """The launches that can compute act(conv(x, w) + bias [+ residual]) [+ residual]; the first is the best guess, the
    last are for tensor cores and libraries.

    w is packed (pack_conv2d), bias float32 or None. batch_strides: elements from one picture to the next in x,
    residual and y, where these are channel ranges of larger tensors. plain: weights as PyTorch has them and bias, both
    in the tensors' storage, for cuDNN.
    """
    out_h, out_w = conv.out
    x_size, y_size = conv.channels * conv.height * conv.width, conv.out_channels * out_h * out_w
    x_batch, residual_batch, y_batch = batch_strides or (x_size, y_size, y_size)
    add = 0 if residual is None else 2 if add_after_act else 1
    window = (*conv.kernel, *conv.stride, conv.pads[0], conv.pads[2], *conv.dilation)
    channels, out_channels = conv.channels // conv.groups, conv.out_channels // conv.groups
    shape = (conv.batch, channels, conv.height, conv.width, out_channels, out_h, out_w)
    epilogue = (act.number, add, float(act.alpha), float(act.beta))
    args = (x, w, bias, residual, y, *shape, *window, x_batch, residual_batch, y_batch, *epilogue)
    if conv.depthwise:
        grid = (ceil_div(out_w, 32), ceil_div(out_h, 8), conv.batch * conv.out_channels)
        launches = [Launch("conv2d_depthwise", "conv2d_depthwise", grid, (32, 8, 1), (*args, conv.channels))]
    else:
        kinds = ([_tiled(conv, tile, args, kind) for tile in tiles] for tiles, kind in KINDS)
        launches = [launch for alike in kinds for launch in large_first(alike)]
    if plain and not batch_strides and act.name in CUDNN_ACTS:
        sizes = (conv.batch, conv.channels, conv.height, conv.width, conv.out_channels, out_h, out_w, conv.groups)
        windows = (*conv.kernel, *conv.stride, *conv.pads, *conv.dilation)
        made_for = ConvolutionShape._make([*sizes, *windows, act.number, add])
        launches += by_library("cudnn", "conv2d", (x, *plain, residual, y, *made_for))
    return launches


CUDNN_ACTS = ("identity", "relu", "silu", "sigmoid", "tanh", "gelu", "softplus")  # libraries/cudnn_conv2d.py


def by_library(source: str, function: str, args: tuple[Any, ...]) -> list[Launch]:
    """A library's launch in float32 throughout, and one on tensor cores."""
    return [Launch(source, function, (1, 1, 1), (1, 1, 1), args, defines=kind) for kind in ((), TENSOR)]


KINDS: tuple[tuple[Any, Any], ...] = ((TILES, ()), (TENSOR_TILES, TENSOR))


def large_first(launches: list[Launch]) -> list[Launch]:
    """Launches by falling size of their tiles, as long as there are enough blocks."""
    return sorted(launches, key=lambda launch: -min(launch.blocks, ENOUGH_BLOCKS))  # a stable sort


def tile_defines(tile: Sequence[int]) -> tuple[tuple[str, str], ...]:
    """What gemm_tile.cuh is compiled with."""
    return tuple(zip(("TILE_M", "TILE_N", "THREAD_M", "THREAD_N"), map(str, tile), strict=True))


def _tiled(conv: Conv2d, tile: Sequence[int], args: tuple[Any, ...], kind: tuple[tuple[str, str], ...]) -> Launch:
    m, n, thread_m, thread_n = tile
    pixels = conv.batch * conv.out[0] * conv.out[1]
    grid = (ceil_div(pixels, n), ceil_div(conv.out_channels // conv.groups, m), conv.groups)
    square = conv.kernel[0] if conv.kernel in ((1, 1), (3, 3)) else 0
    defines = (*tile_defines(tile), ("KERNEL_SIZE", str(square)), ("POINTWISE", str(int(conv.pointwise))), *kind)
    return Launch("conv2d", "conv2d", grid, (m // thread_m * (n // thread_n), 1, 1), args, defines=defines)
