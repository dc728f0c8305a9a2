"""cv2.resize(image, size, interpolation=cv2.INTER_LINEAR) for bytes, byte for byte, without OpenCV.

OpenCV rounds the two shares of a sample to 11 bits, sums along rows in whole numbers, drops 4 bits, and of the sum
along columns drops 16 of each product and rounds the rest (HResizeLinear and VResizeLinear of its resize.cpp). An
exact halving is the mean of 2 x 2 pixels instead, as its INTER_AREA.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

ONE = 2048  # a share of 1


class _Taps(NamedTuple):
    """For each sample the two pixels that it lies between, and their shares in 2048ths."""

    first: np.ndarray
    second: np.ndarray
    near: np.ndarray
    far: np.ndarray


def resize_linear(image: np.ndarray, size: Sequence[int]) -> np.ndarray:
    """u8 [h, w, c] resized to `size` (h, w). Frames of a whole multiple of the size take about a millisecond."""
    h, w, c = image.shape
    if (h, w) == tuple(size):
        return image
    image = np.ascontiguousarray(image)
    if (h, w) == (2 * size[0], 2 * size[1]):
        return _halved(image)
    down, across = _taps(h, size[0]), _taps(w, size[1])
    # Beyond the left and right edge OpenCV takes the edge alone; beyond the upper and lower both shares of it, rounded.
    beyond = across.first == across.second
    across = across._replace(near=np.where(beyond, ONE, across.near), far=np.where(beyond, 0, across.far))
    if not down.far.any() and not across.far.any():
        return _columns(_rows(image, down.first), across.first)
    wanted = np.unique(np.concatenate([down.first, down.second]))
    sums = _along_rows(_rows(image, wanted), across)
    near = sums[np.searchsorted(wanted, down.first)]
    near *= down.near[:, None]
    near >>= 16
    far = sums[np.searchsorted(wanted, down.second)]
    far *= down.far[:, None]
    far >>= 16
    near += far
    near += 2
    near >>= 2
    return near.astype(np.uint8).reshape(*size, c)


def _taps(n: int, m: int) -> _Taps:
    at = ((np.arange(m) + 0.5) * (1 / (m / n)) - 0.5).astype(np.float32)
    first = np.floor(at).astype(np.int64)
    share = at - first.astype(np.float32)
    near, far = (np.rint(part * np.float32(ONE)).astype(np.int32) for part in (np.float32(1) - share, share))
    return _Taps(first.clip(0, n - 1), (first + 1).clip(0, n - 1), near, far)


def _along_rows(rows: np.ndarray, taps: _Taps) -> np.ndarray:
    """i32 [h, m * c]: each sample's sum of two pixels, in 128ths."""
    c = rows.shape[2]
    sums = _columns(rows, taps.first).reshape(len(rows), -1) * np.repeat(taps.near, c)
    if taps.far.any():
        sums += _columns(rows, taps.second).reshape(len(rows), -1) * np.repeat(taps.far, c)
    sums >>= 4
    return sums


def _halved(image: np.ndarray) -> np.ndarray:
    h, w, c = image.shape
    rows = image.reshape(h, w * c)
    pairs = rows[0::2].astype(np.uint16) + rows[1::2]
    means = np.empty((h // 2, w * c), np.uint8)
    means[:, :-c] = (pairs[:, :-c] + pairs[:, c:] + 2) >> 2  # of all neighbours, since NumPy is slow with gaps of c
    return _columns(means.reshape(h // 2, w, c), np.arange(0, w, 2))


def _rows(image: np.ndarray, index: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(image[_even(index)])


def _columns(rows: np.ndarray, index: np.ndarray) -> np.ndarray:
    """rows[:, index], where a pixel is moved as one element."""
    pixels = rows.view(f"V{rows.shape[2]}")[..., 0]
    moved = np.ascontiguousarray(pixels[:, _even(index)])
    return moved.view(np.uint8).reshape(*moved.shape, rows.shape[2])


def _even(index: np.ndarray) -> np.ndarray | slice:
    """The index as a slice where its steps are all the same: NumPy then copies several times faster."""
    step = int(index[1] - index[0]) if len(index) > 1 else 1
    same = step > 0 and bool((np.diff(index) == step).all())
    return slice(int(index[0]), int(index[-1]) + 1, step) if same else index
