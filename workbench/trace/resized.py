"""By which of the usual ways a picture was resized to become the original's input."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from workbench.compare.verdict import error, tolerance
from workbench.opencv_resize import resize_linear

Way = Callable[[np.ndarray, int, int], np.ndarray]  # u8 [h, w, c], rows, columns -> [rows, columns, c]


def _pillow(filter: str) -> Way:
    def resized(picture: np.ndarray, rows: int, columns: int) -> np.ndarray:
        from PIL import Image

        planes = [Image.fromarray(np.ascontiguousarray(picture[..., c])) for c in range(picture.shape[2])]
        return np.stack([np.asarray(p.resize((columns, rows), Image.Resampling[filter])) for p in planes], -1)

    return resized


def _torch(mode: str, **options: bool) -> Way:
    def resized(picture: np.ndarray, rows: int, columns: int) -> np.ndarray:
        import torch

        x = torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)[None])).float()
        y = torch.nn.functional.interpolate(x, (rows, columns), mode=mode, **options)
        return y[0].numpy().transpose(1, 2, 0)

    return resized


def _rounded(way: Way) -> Way:
    return lambda *given: np.clip(np.rint(way(*given)), 0, 255)


SMOOTH = {
    f"torch's {mode}{' with antialias' * antialias}{', rounded to whole numbers' * rounds}": (
        _rounded(_torch(mode, antialias=antialias)) if rounds else _torch(mode, antialias=antialias)
    )
    for mode in ("bilinear", "bicubic")
    for antialias in (False, True)
    for rounds in (False, True)
}
WAYS: dict[str, Way] = {
    "OpenCV's INTER_LINEAR": lambda picture, rows, columns: resize_linear(picture, (rows, columns)),
    **{f"Pillow's {f}": _pillow(f) for f in ("NEAREST", "BOX", "BILINEAR", "HAMMING", "BICUBIC", "LANCZOS")},
    "nearest neighbours (torch's nearest, OpenCV's INTER_NEAREST)": _torch("nearest"),
    "torch's area": _torch("area"),
    **SMOOTH,
}


class Resized(NamedTuple):
    """A way of resizing, where the picture then lies, and the tensor that this gives."""

    way: str
    place: tuple[int, int, int, int]  # top, left, rows, columns
    made: np.ndarray

    def __str__(self) -> str:
        top, left, rows, columns = self.place
        return f"{self.way} to {rows} x {columns} at row {top}, column {left}"


def how_resized(picture: np.ndarray, tensor: np.ndarray) -> Resized | None:
    """The way by which a u8 picture [h, w, c] became the tensor [1, c, H, W]; None where it is none of WAYS.

    The channels may be reversed, each scaled and shifted, and the picture may lie in a border of one value: whatever
    turns the resized picture into the tensor by a straight line per channel.
    """
    if tensor.ndim != 4 or len(tensor) != 1 or tensor.shape[1] != picture.shape[2]:
        return None
    if not np.ptp(tensor):
        return None
    for place in _places(tensor):
        top, left, rows, columns = place
        inside = (0, slice(None), slice(top, top + rows), slice(left, left + columns))
        for name, way in WAYS.items():
            resized = way(picture, rows, columns).transpose(2, 0, 1)
            for x in (resized, resized[::-1]):
                made = tensor.copy()
                made[inside] = _straightened(x, tensor[inside])
                if error(made, tensor) <= tolerance(0.0):
                    return Resized(name, place, made)
    return None


def _places(tensor: np.ndarray) -> Iterator[tuple[int, int, int, int]]:
    """Where the picture may lie: inside a border that has the value of a corner, or everywhere."""
    height, width = tensor.shape[2:]
    for corner in (tensor[0, :, :1, :1], tensor[0, :, -1:, -1:]):
        other = (tensor[0] != corner).any(0)
        rows, columns = np.flatnonzero(other.any(1)), np.flatnonzero(other.any(0))
        if rows.size and (rows.size, columns.size) != (height, width):
            yield int(rows[0]), int(columns[0]), int(np.ptp(rows)) + 1, int(np.ptp(columns)) + 1
    yield 0, 0, height, width


def _straightened(x: np.ndarray, want: np.ndarray) -> np.ndarray:
    """Each channel by the straight line that brings it nearest to the wanted one."""
    made = np.empty_like(want)
    for c, (own, other) in enumerate(zip(x.astype(np.float64), want.astype(np.float64), strict=True)):
        spread = own - own.mean()
        variance = float((spread**2).mean())
        slope = float((spread * other).mean()) / variance if variance else 0.0
        made[c] = other.mean() + slope * spread
    return made
