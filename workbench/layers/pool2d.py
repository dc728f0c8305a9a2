"""pool2d: maximum or mean of windows over NCHW, with torch.nn's meaning of every key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cuda_ops import pool2d as kernels
from workbench.errors import WorkbenchError
from workbench.graph import TensorSpec
from workbench.layers.base import FLOATING, Case, Ints, Layer, Pads, Pair, key, layer, want_dtype, want_mode, want_rank
from workbench.layers.window import PAD_TF, resolve_pads, window_size

KNOWN = ("max", "avg", "adapavg", "adapmax")


@layer("pool2d")
class Pool2d(Layer):
    """MaxPool2d, AvgPool2d, AdaptiveAvgPool2d and AdaptiveMaxPool2d; without a kernel, max and avg are adaptive too."""

    mode: str = key("max", among=(*KNOWN, "nafnet"), doc="what is taken of a window; adap: output_size windows")
    kernel: Ints = key(Ints(), doc="h,w; left out: output_size windows over the whole map")
    stride: Pair = key(Pair(1), doc="h,w")
    pad: Pads = key(Pads(0), doc="all sides, h,w, or top,bottom,left,right")
    pad_tf: str = key("", among=PAD_TF, doc="TensorFlow's padding instead of pad")
    count_include_pad: int = key(0, doc="1: a mean counts the padding as zeros")
    ceil_mode: int = key(0, doc="1: a last window may reach beyond the padding")
    dilation: Pair = key(Pair(1), doc="h,w; of mode=max")
    output_size: Pair = key(Pair(1), doc="h,w of the adaptive modes")

    @property
    def maximum(self) -> bool:
        return self.mode.endswith("max")

    @property
    def exact(self) -> bool:
        return self.maximum

    @property
    def adaptive(self) -> bool:
        return self.mode.startswith("adap") or not self.kernel

    @property
    def window(self) -> tuple[int, ...]:
        return self.kernel if len(self.kernel) == 2 else self.kernel * 2

    def infer(self, x: TensorSpec) -> list[TensorSpec]:
        want_mode(self.mode, *KNOWN)
        want_rank(x, 4)
        want_dtype(x, *FLOATING)
        if self.adaptive:
            if min(self.output_size) < 1:
                raise WorkbenchError(f"expected an output_size of at least 1; got {self.output_size}")
            return [TensorSpec((*x.shape[:2], *self.output_size))]
        if len(self.kernel) > 2:
            raise WorkbenchError(f"expected a kernel of one value or h,w; got {self.kernel}")
        if not self.maximum and max(self.dilation) > 1:
            raise WorkbenchError(f"mode={self.mode} takes no dilation; got {self.dilation}")
        hw = x.shape[2:]
        sizes = self.sizes(hw)
        windows = zip(hw, sizes, self.window, self.stride, self.dilation, self.pads(hw)[::2], strict=True)
        for n, size, k, s, d, before in windows:
            if any(all(not 0 <= j * s - before + t * d < n for t in range(k)) for j in range(size)):
                raise WorkbenchError(f"pad={self.pad}: a window over {x} would hold nothing but padding")
        return [TensorSpec((*x.shape[:2], *sizes))]

    def pads(self, hw: Sequence[int]) -> tuple[int, ...]:
        return resolve_pads(self.pad_tf, self.pad, hw, self.window, self.stride, self.dilation)

    def sizes(self, hw: Sequence[int]) -> list[int]:
        pads, windows = self.pads(hw), zip(hw, self.window, self.stride, self.dilation, strict=True)
        return [window_size(n, k, s, pads[2 * i : 2 * i + 2], d, bool(self.ceil_mode))
                for i, (n, k, s, d) in enumerate(windows)]  # fmt: skip

    def reach(self, hw: Sequence[int]) -> list[int]:
        """How far the last windows reach below the bottom and the right, with ceil_mode perhaps beyond the padding."""
        before = self.pads(hw)[::2]
        windows = zip(hw, self.sizes(hw), self.window, self.stride, self.dilation, before, strict=True)
        return [max((size - 1) * s + (k - 1) * d + 1 - n - b, 0) for n, size, k, s, d, b in windows]

    def counts(self, hw: Sequence[int]) -> list[list[int]]:
        """How many elements a mean divides by along each axis: those of the window that are not beyond the padding."""
        pads, counts = self.pads(hw), []
        for i, (n, size, k, s) in enumerate(zip(hw, self.sizes(hw), self.window, self.stride, strict=True)):
            before, after = pads[2 * i : 2 * i + 2]
            low, high = (-before, n + after) if self.count_include_pad else (0, n)
            starts = [j * s - before for j in range(size)]
            counts.append([min(start + k, high) - max(start, low) for start in starts])
        return counts

    def reference(self, torch: Any, w: dict[str, Any], x: Any) -> Any:
        f, hw = torch.nn.functional, x.shape[2:]
        if self.adaptive:
            return (f.adaptive_max_pool2d if self.maximum else f.adaptive_avg_pool2d)(x, self.output_size)
        (top, left), (bottom, right) = self.pads(hw)[::2], self.reach(hw)
        x = f.pad(x, (left, right, top, bottom), value=float("-inf") if self.maximum else 0.0)
        if self.maximum:
            return f.max_pool2d(x, self.window, self.stride, 0, self.dilation)
        high, wide = (torch.tensor(c, dtype=x.dtype) for c in self.counts(hw))
        return f.avg_pool2d(x, self.window, self.stride, divisor_override=1) / (high[:, None] * wide)

    def openvino(self, ov: Any, w: dict[str, Any], x: Any) -> Any:
        hw = [d.get_length() for d in list(x.get_partial_shape())[2:]]
        if self.adaptive:
            return self._adaptive(ov, x, hw)
        begin, after, end = list(self.pads(hw)[::2]), self.pads(hw)[1::2], self.reach(hw)
        where = (list(self.window), "floor")
        if self.maximum:
            return ov.max_pool(x, list(self.stride), list(self.dilation), begin, end, *where).output(0)
        counts_padding = bool(self.count_include_pad)
        if counts_padding and any(e > a for e, a in zip(end, after, strict=True)):
            # A mean never counts what lies beyond the padding: make the padding data and leave out the rest.
            x = ov.pad(x, [0, 0, *begin], [0, 0, *after], "constant", 0.0)
            begin, end = [0, 0], [max(e - a, 0) for e, a in zip(end, after, strict=True)]
            counts_padding = False
        return ov.avg_pool(x, list(self.stride), begin, end, where[0], not counts_padding, where[1])

    def _adaptive(self, ov: Any, x: Any, hw: Sequence[int]) -> Any:
        """Adaptive pooling; where the windows are equal, by the faster operators; uneven means as two matrices."""
        if self.output_size == (1, 1):
            return (ov.reduce_max if self.maximum else ov.reduce_mean)(x, [2, 3], True)
        if any(n % size for n, size in zip(hw, self.output_size, strict=True)):
            if self.maximum:
                return ov.adaptive_max_pool(x, list(self.output_size), "i32").output(0)
            rows, cols = (shares(n, size) for n, size in zip(hw, self.output_size, strict=True))
            return ov.matmul(rows, ov.matmul(x, cols, False, True), False, False)
        kernel = [n // size for n, size in zip(hw, self.output_size, strict=True)]
        if self.maximum:
            return ov.max_pool(x, kernel, [1, 1], [0, 0], [0, 0], kernel).output(0)
        return ov.avg_pool(x, kernel, [0, 0], [0, 0], kernel, True)

    def cuda(self, plan: Any, x: list[Any], w: dict[str, Any]) -> Any:
        y, shape = plan.output(), x[0].shape
        if self.adaptive:
            return plan.run(kernels.pool2d_adaptive(x[0], y, shape, y.shape[2:], not self.maximum), y)
        where = (self.window, self.stride, self.pads(shape[2:]), self.dilation)
        means = (not self.maximum, bool(self.count_include_pad))
        return plan.run(kernels.pool2d(x[0], y, shape, y.shape[2:], *where, *means), y)

    CASES = [
        Case("kernel=2 stride=2", [(2, 3, 8, 8)]),
        Case("kernel=5 stride=1 pad=2", [(1, 4, 9, 7)]),
        Case("kernel=2,3 stride=2,1 pad=0,1,1,0", [(2, 3, 7, 9)]),
        Case("kernel=3 stride=2 ceil_mode=1", [(1, 3, 8, 7)]),
        Case("kernel=3 stride=2 pad=1 dilation=2,1 ceil_mode=1", [(1, 3, 9, 10)]),
        Case("kernel=2 stride=3 pad=1 ceil_mode=1", [(1, 3, 6, 4)]),
        Case("kernel=2 stride=2 pad_tf=same", [(1, 3, 7, 8)]),
        Case("mode=avg kernel=2 stride=2", [(2, 3, 8, 7)]),
        Case("mode=avg kernel=3 stride=1 pad=1", [(1, 3, 6, 7)]),
        Case("mode=avg kernel=3,2 stride=2 pad=1,0,0,1 count_include_pad=1", [(2, 3, 6, 7)]),
        Case("mode=avg kernel=3 stride=2 pad=1 ceil_mode=1", [(1, 3, 8, 7)]),
        Case("mode=avg kernel=3 stride=2 pad=1 ceil_mode=1 count_include_pad=1", [(1, 3, 8, 7)]),
        Case("mode=avg kernel=2 stride=3 pad=1 ceil_mode=1 count_include_pad=1", [(1, 3, 6, 5)]),
        Case("mode=avg kernel=3 stride=2 pad_tf=same", [(1, 3, 8, 7)]),
        Case("mode=avg", [(2, 5, 7, 4)]),
        Case("mode=max", [(2, 5, 7, 4)]),
        Case("mode=adapavg output_size=1,1 pad_tf=valid", [(2, 5, 7, 4)]),
        Case("mode=adapavg output_size=3,2", [(2, 5, 7, 5)]),
        Case("mode=adapavg output_size=3,2", [(2, 5, 9, 4)]),
        Case("mode=adapavg output_size=5", [(2, 5, 3, 4)]),
        Case("mode=adapmax output_size=3,2", [(2, 5, 7, 5)]),
        Case("mode=adapmax output_size=3,2", [(2, 5, 9, 4)]),
    ]


def shares(n: int, size: int) -> np.ndarray:
    """[size, n]: how much each element counts in each of `size` adaptive means, from ⌊i·n/size⌋ to ⌈(i+1)·n/size⌉."""
    means = np.zeros((size, n), np.float32)
    for i in range(size):
        low, high = i * n // size, -(-(i + 1) * n // size)
        means[i, low:high] = 1 / (high - low)
    return means
