"""Pictures as arrays: opening, resizing and letterboxing as OpenCV-based originals do it, without OpenCV."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, UnidentifiedImageError

from workbench.errors import WorkbenchError


class Letterbox(NamedTuple):
    """How a picture lies, top left, in the network's input: its own size (width, height) and its scale there."""

    size: tuple[int, int]
    scale: float


def open_picture(path: str | Path) -> Image.Image:
    """An RGB picture. Raises WorkbenchError for a file that is missing, no picture, or damaged."""
    try:
        with Image.open(path) as picture:
            return picture.convert("RGB")
    except UnidentifiedImageError as error:
        raise WorkbenchError("not a picture in a format that Pillow reads", str(path)) from error
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        reason = getattr(error, "strerror", "") or error
        raise WorkbenchError(f"cannot read the picture: {reason}", str(path)) from error


def resize_bilinear(image: np.ndarray, size: Sequence[int]) -> np.ndarray:
    """u8 [h, w, c] resized to `size` (h, w): bilinear, half-pixel centres, no antialiasing.

    As cv2.resize does it with INTER_LINEAR (within one grey level, since cv2 rounds its coefficients to 11 bits);
    Pillow's own bilinear filter widens when it shrinks, which detectors trained with OpenCV did not see.
    """
    if image.shape[:2] == tuple(size):
        return image
    (y0, y1, fy), (x0, x1, fx) = (_taps(n, m) for n, m in zip(image.shape[:2], size, strict=True))
    fx, fy = fx[:, None], fy[:, None, None]
    rows = image.astype(np.float32)
    rows = rows[:, x0] * (1 - fx) + rows[:, x1] * fx
    return np.rint(rows[y0] * (1 - fy) + rows[y1] * fy).astype(np.uint8)


def _taps(n: int, m: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The two source indices and the second's share for each of m samples over n pixels."""
    at = ((np.arange(m, dtype=np.float32) + 0.5) * (n / m) - 0.5).clip(0, n - 1)
    first = at.astype(int)
    return first, np.minimum(first + 1, n - 1), (at - first).astype(np.float32)


def letterbox(picture: Image.Image, size: Sequence[int], pad: int = 114) -> tuple[np.ndarray, Letterbox]:
    """u8 [h, w, 3] RGB: the picture scaled to fit into `size` (h, w), top left, the rest filled with `pad`."""
    image = np.asarray(picture.convert("RGB"))
    scale = min(size[0] / image.shape[0], size[1] / image.shape[1])
    inner = [max(1, int(n * scale)) for n in image.shape[:2]]
    boxed = np.full((*size, 3), pad, np.uint8)
    boxed[: inner[0], : inner[1]] = resize_bilinear(image, inner)
    return boxed, Letterbox(picture.size, scale)
