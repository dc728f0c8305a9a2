"""How a tensor of rank 1 or more is laid out as a picture with a channel slider, and the way back to its own index.

An arrangement first splits axes (361 windows = 19 × 19), then names the pieces that run down the rows, along the
columns and along the channel slider; what is left over stands still at the index that is looked at.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from workbench.errors import WorkbenchError

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Arrangement:
    """`pieces[i]` are the sizes that axis i is split into; rows, columns and channel number the pieces from 0.

    The rows of a plane run over the pieces in `rows`, the first one slowest; the same for columns and channel.
    """

    name: str
    pieces: tuple[Shape, ...]
    rows: Shape
    columns: Shape
    channel: Shape = ()

    @cached_property
    def shape(self) -> Shape:
        """The tensor's own shape."""
        return tuple(math.prod(p) for p in self.pieces)

    @cached_property
    def _sizes(self) -> Shape:
        return tuple(n for p in self.pieces for n in p)

    @cached_property
    def _steps(self) -> Shape:
        """How far a step along each piece goes in the flat, C-ordered tensor."""
        return tuple(math.prod(self._sizes[i + 1 :]) for i in range(len(self._sizes)))

    @cached_property
    def _held(self) -> Shape:
        shown = (*self.rows, *self.columns, *self.channel)
        return tuple(i for i in range(len(self._sizes)) if i not in shown)

    def _size(self, pieces: Shape) -> int:
        return math.prod(self._sizes[i] for i in pieces)

    @property
    def height(self) -> int:
        return self._size(self.rows)

    @property
    def width(self) -> int:
        return self._size(self.columns)

    @property
    def channels(self) -> int:
        return self._size(self.channel)

    @property
    def held_sizes(self) -> Shape:
        """Sizes of the pieces that stand still (batch and the like)."""
        return tuple(self._sizes[i] for i in self._held)

    @property
    def label(self) -> str:
        """The picture's sizes, as the view's menu shows them: 133 × 133 × 128."""
        return " × ".join(map(str, (self.height, self.width, *([self.channels] if self.channel else []))))

    def plane(self, tensor: np.ndarray, channel: int, held: Sequence[int] = ()) -> np.ndarray:
        """[height, width] of one channel: a view of the tensor where strides allow, so little of a file is read."""
        split = tensor.reshape(self._sizes)  # only ever splits axes, which strides always can
        at: list[int | slice] = [slice(None)] * len(self._sizes)
        for piece, i in zip(self._held, held, strict=True):
            at[piece] = i
        for piece, i in zip(self.channel, self._unravel(self.channel, channel), strict=True):
            at[piece] = i
        kept = [i for i, place in enumerate(at) if isinstance(place, slice)]
        order = [kept.index(i) for i in (*self.rows, *self.columns)]
        return split[tuple(at)].transpose(order).reshape(self.height, self.width)

    def split(self, tensor: np.ndarray) -> np.ndarray:
        """The tensor with one axis for each piece."""
        return tensor.reshape(self._sizes)

    def offsets(self, channel: int, held: Sequence[int] = ()) -> tuple[np.ndarray, np.ndarray]:
        """Flat indices of a plane's elements as a sum: element (y, x) is number first[y] + second[x] of the tensor."""
        start = self._reach(self.channel, np.array([channel]))[0]
        start += sum(i * self._steps[piece] for piece, i in zip(self._held, held, strict=True))
        down, along = np.arange(self.height), np.arange(self.width)
        return self._reach(self.rows, down) + start, self._reach(self.columns, along)

    def index(self, y: int, x: int, channel: int, held: Sequence[int] = ()) -> Shape:
        """The tensor's own index of a plane's element."""
        down, along = self.offsets(channel, held)
        return tuple(int(i) for i in np.unravel_index(int(down[y] + along[x]), self.shape))

    def place(self, index: Sequence[int]) -> tuple[int, int, int, Shape]:
        """(y, x, channel, held) of the tensor's index; the inverse of `index`."""
        parts = [int(k) for i, p in zip(index, self.pieces, strict=True) for k in np.unravel_index(i, p)]

        def ravel(pieces: Shape) -> int:
            at = 0
            for piece in pieces:
                at = at * self._sizes[piece] + parts[piece]
            return at

        return ravel(self.rows), ravel(self.columns), ravel(self.channel), tuple(parts[i] for i in self._held)

    def _unravel(self, pieces: Shape, i: int) -> Shape:
        return tuple(int(k) for k in np.unravel_index(i, [self._sizes[p] for p in pieces])) if pieces else ()

    def _reach(self, pieces: Shape, numbers: np.ndarray) -> np.ndarray:
        """How far into the flat tensor each number along the combined pieces lies."""
        reach = np.zeros(len(numbers), np.int64)
        for piece in reversed(pieces):
            numbers, i = np.divmod(numbers, self._sizes[piece])
            reach += i * self._steps[piece]
        return reach


def of_axes(shape: Shape, rows: int, columns: int, channel: int | None = None, name: str = "") -> Arrangement:
    """Two axes of a tensor as they are. Without `channel` the slider walks the largest of the others."""
    rank = len(shape)
    if rows == columns or not all(0 <= a < rank for a in (rows, columns)):
        raise WorkbenchError(
            f"axes {rows},{columns} cannot be shown: a tensor of rank {rank} has axes 0 to {rank - 1}",
            note="give two different axes, rows first",
        )
    others = [a for a in range(rank) if a not in (rows, columns)]
    if channel is None and others:
        channel = max(others, key=lambda a: shape[a])
    name = name or f"axes {rows},{columns}"
    return Arrangement(name, tuple((n,) for n in shape), (rows,), (columns,), () if channel is None else (channel,))


def folded(shape: Shape, axis: int, height: int, width: int, channel: int | None, name: str) -> Arrangement:
    """One axis folded into rows and columns: a vector, or a transformer's tokens as the picture they came from."""
    pieces = tuple((height, width) if a == axis else (n,) for a, n in enumerate(shape))
    channels = () if channel is None else (channel + (channel > axis),)
    return Arrangement(name, pieces, (axis,), (axis + 1,), channels)


def windows(shape: Shape, grid: tuple[int, int], window: tuple[int, int]) -> Arrangement:
    """[batch * windows, tokens, channels] joined to the picture that a window attention cut up."""
    count = grid[0] * grid[1]
    if len(shape) != 3 or shape[0] % count or shape[1] != window[0] * window[1]:
        raise WorkbenchError(
            f"a tensor {','.join(map(str, shape))} is not {grid[0]} × {grid[1]} windows of {window[0]} × {window[1]}",
            note="windows=(rows, columns, height, width) fits a tensor [batch * windows, tokens, channels]",
        )
    return Arrangement("windows", ((shape[0] // count, *grid), window, (shape[2],)), (1, 3), (2, 4), (5,))


def arrangements(shape: Shape, cut: tuple[int, int, int, int] | None = None) -> list[Arrangement]:
    """The layouts that a shape (of rank 1 or more) is offered in, the likeliest first.

    cut   rows and columns of windows, height and width of a window, where the tensor is known to be cut up
    """
    rank = len(shape)
    if rank == 1:
        height, width = _fold(shape[0])
        return [folded(shape, 0, height, width, None, "folded"), folded(shape, 0, 1, shape[0], None, "row")]
    found: list[Arrangement] = []
    if rank == 2:
        found.append(of_axes(shape, 0, 1, None, "HW"))
    elif rank == 3:
        found += [of_axes(shape, 1, 2, 0, "CHW"), of_axes(shape, 0, 1, 2, "HWC")]
        tokens = _of_tokens(shape, cut)
        found = found + tokens if shape[1] == shape[2] else tokens + found  # equal sizes are a picture's
    elif rank == 4:
        found += [of_axes(shape, 2, 3, 1, "NCHW"), of_axes(shape, 1, 2, 3, "NHWC")]
        if shape[1] == shape[2] != shape[3]:  # square pictures are commoner than heights equal to channel counts
            found.reverse()
    else:
        found.append(of_axes(shape, rank - 2, rank - 1))
    return found


def _of_tokens(shape: Shape, cut: tuple[int, int, int, int] | None) -> list[Arrangement]:
    """What a [windows, tokens, channels] or [batch, tokens, channels] tensor looks like as a picture."""
    if cut:
        return [windows(shape, (cut[0], cut[1]), (cut[2], cut[3]))]
    side, tokens = math.isqrt(shape[0]), math.isqrt(shape[1])
    if tokens < 2 or tokens * tokens != shape[1]:
        return []
    joined = [windows(shape, (side, side), (tokens, tokens))] if side > 1 and side * side == shape[0] else []
    return [*joined, folded(shape, 1, tokens, tokens, 2, "tokens")]


def _fold(count: int) -> tuple[int, int]:
    """Height and width of a vector's rectangle: the widest factor up to 4 × as wide as high, else a row."""
    for height in range(math.isqrt(count), 0, -1):
        if count % height == 0:
            return (height, count // height) if count // height <= 4 * height else (1, count)
    return 1, count


def arrange(shape: Shape, name: str = "", cut: tuple[int, int, int, int] | None = None) -> Arrangement:
    """The arrangement of that name (`axes 0,2` for any two axes), else the likeliest. Raises WorkbenchError."""
    offered = arrangements(shape, cut)
    if not name:
        return offered[0]
    if name.startswith("axes"):
        numbers = name.removeprefix("axes").split(",")
        if len(numbers) == 2 and all(n.strip().isdecimal() for n in numbers):
            return of_axes(shape, int(numbers[0]), int(numbers[1]))
    for arrangement in offered:
        if arrangement.name == name:
            return arrangement
    raise WorkbenchError(
        f"a tensor {','.join(map(str, shape))} cannot be shown as '{name}'",
        note=f"choose {', '.join(a.name for a in offered)} or, with two axes' numbers, axes 0,1",
    )
