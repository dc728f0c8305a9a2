"""Device tensors while a network is planned: views into buffers that have no address yet."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from workbench.errors import WorkbenchError

ITEMSIZE = {"f32": 4, "f16": 2, "bf16": 2, "i32": 4, "u32": 4, "i64": 8, "u8": 1, "i8": 1, "bool": 1}
FLOATS = ("f32", "f16", "bf16")
ALIGNMENT = 16  # bytes; kernels read four elements at once
MOST = 2**31 - 1  # elements of a tensor: kernels count in int32


@dataclass(eq=False)
class Buffer:
    """Memory of its own, or (once placed) a part of another buffer; `constant`: what it holds from the start."""

    nbytes: int
    name: str = ""  # the config's tensor, or what a workspace is for
    constant: np.ndarray | None = None
    parent: Buffer | None = None
    offset: int = 0  # bytes from the parent's start

    @property
    def root(self) -> Buffer:
        """The buffer that memory is given to."""
        return self.parent.root if self.parent else self

    @property
    def start(self) -> int:
        """Bytes from the root's start."""
        return self.offset + self.parent.start if self.parent else 0


def row_strides(shape: Sequence[int]) -> tuple[int, ...]:
    """Strides, in elements, of a tensor without gaps."""
    return tuple(math.prod(shape[d + 1 :]) for d in range(len(shape)))


@dataclass(frozen=True)
class Tensor:
    """A strided view of a buffer; strides and offset in elements. What stands for a pointer in a Launch's args.

    used: how many along axis 0 hold something, an i32 tensor of one element; None: all. Views do not keep it.
    """

    buffer: Buffer
    shape: tuple[int, ...]
    dtype: str
    strides: tuple[int, ...]
    offset: int = 0
    used: Tensor | None = None

    @classmethod
    def new(cls, shape: Sequence[int], dtype: str, name: str = "", constant: np.ndarray | None = None) -> Tensor:
        """A tensor without gaps in a buffer of its own."""
        shape = tuple(int(n) for n in shape)
        if math.prod(shape) > MOST:
            raise WorkbenchError(
                f"{dtype}{list(shape)} has {math.prod(shape):,} elements; the kernels count to {MOST:,}"
            )
        nbytes = math.prod(shape) * ITEMSIZE[dtype]
        return cls(Buffer(nbytes, name, constant), shape, dtype, row_strides(shape))

    @property
    def count(self) -> int:
        return math.prod(self.shape)

    @property
    def floating(self) -> bool:
        return self.dtype in FLOATS

    @property
    def start(self) -> int:
        """Bytes from the buffer's start."""
        return self.offset * ITEMSIZE[self.dtype]

    @property
    def contiguous(self) -> bool:
        """Without gaps, in the order of its axes."""
        pairs = zip(self.shape, self.strides, row_strides(self.shape), strict=True)
        return all(n == 1 or own == want for n, own, want in pairs)

    @property
    def packed(self) -> bool:
        """Contiguous and aligned: what every kernel takes."""
        return self.contiguous and self.start % ALIGNMENT == 0

    @property
    def whole(self) -> bool:
        """Packed, and all of its buffer."""
        return self.contiguous and self.offset == 0 and self.count * ITEMSIZE[self.dtype] == self.buffer.nbytes

    def span(self) -> tuple[int, int]:
        """First and one-past-last byte of the buffer that it touches."""
        ends = [(n - 1) * s for n, s in zip(self.shape, self.strides, strict=True)]
        low, high = sum(min(e, 0) for e in ends), sum(max(e, 0) for e in ends)
        size = ITEMSIZE[self.dtype]
        return self.start + low * size, self.start + (high + 1) * size

    def in_use(self, used: Tensor | None) -> Tensor:
        """The same tensor, of which so many along axis 0 hold something."""
        return replace(self, used=used)

    # ---- views; none moves an element

    def as_strided(self, shape: Sequence[int], strides: Sequence[int], offset: int = 0) -> Tensor:
        """`offset` counts from this tensor's first element."""
        return replace(self, shape=tuple(shape), strides=tuple(strides), offset=self.offset + offset, used=None)

    def permute(self, order: Sequence[int]) -> Tensor:
        """Axis i of the result is axis order[i]."""
        return self.as_strided([self.shape[i] for i in order], [self.strides[i] for i in order])

    def narrow(self, axis: int, start: int, size: int, step: int = 1) -> Tensor:
        """`size` elements of an axis from `start` on, every `step`th."""
        axis %= len(self.shape)
        shape, strides = list(self.shape), list(self.strides)
        offset, shape[axis], strides[axis] = start * strides[axis], size, strides[axis] * step
        return self.as_strided(shape, strides, offset)

    def expand(self, shape: Sequence[int]) -> Tensor:
        """Broadcast: axes of size 1, and missing ones before, get a stride of 0."""
        missing = len(shape) - len(self.shape)
        own, strides = (1,) * missing + self.shape, (0,) * missing + self.strides
        return self.as_strided(shape, [0 if a == 1 else s for a, s in zip(own, strides, strict=True)])

    def view(self, shape: Sequence[int]) -> Tensor | None:
        """The same elements under another shape, or None where the strides do not allow it."""
        if self.contiguous:
            return self.as_strided(shape, row_strides(shape))
        runs: list[tuple[int, int]] = []  # (elements, stride) of axes that lie as one
        for n, s in zip(self.shape, self.strides, strict=True):
            if runs and runs[-1][1] == n * s:
                runs[-1] = (runs[-1][0] * n, s)
            elif n != 1:
                runs.append((n, s))
        strides, left, stride = [], 1, 1
        for n in reversed(shape):
            if n != 1 and left == 1:
                left, stride = runs.pop()
            if left % n:
                return None
            strides.append(stride)
            left, stride = left // n, stride * n
        return self.as_strided(shape, strides[::-1])
