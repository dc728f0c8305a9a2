"""Pictures as arrays: opening, resizing and letterboxing as OpenCV-based originals do it, without OpenCV."""

from __future__ import annotations

import struct
import warnings
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from workbench.atomic import write_atomically
from workbench.errors import WorkbenchError

Picture = Image.Image | np.ndarray  # an array is u8 [h, w, 3] RGB

# What Pillow's decoders let through of a damaged file beside OSError.
_DAMAGED = (
    *(OSError, EOFError, SyntaxError, ValueError, LookupError, TypeError, ArithmeticError, NotImplementedError),
    *(struct.error, zlib.error),
)


class Letterbox(NamedTuple):
    """How a picture lies, top left, in the network's input: its own size (width, height) and its scale there."""

    size: tuple[int, int]
    scale: float


def open_picture(path: str | Path) -> Image.Image:
    """An RGB picture, upright as its camera says (EXIF); of several frames the first; alpha is left out.

    Of 16 bits the upper 8 count, as cv2.imread has it. Raises WorkbenchError for a file that is missing, no picture,
    damaged, of more pixels than Pillow takes for honest (89 million), or of floats, whose range nobody states.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of metadata that is not read here
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as picture:
                picture.load()
                return _rgb(ImageOps.exif_transpose(picture))
    except (UnidentifiedImageError, ImportError) as error:  # ultralytics makes Pillow look for a HEIF reader first
        raise WorkbenchError("not a picture in a format that Pillow reads", str(path)) from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise WorkbenchError(
            "too many pixels for a picture: expected at most 89 million, 9,400 x 9,400",
            str(path),
            "scale it down first",
        ) from error
    except WorkbenchError as error:
        raise error.at(str(path)) from error
    except _DAMAGED as error:
        reason = getattr(error, "strerror", "") or error
        raise WorkbenchError(f"cannot read the picture: {reason}", str(path)) from error


def _rgb(picture: Image.Image) -> Image.Image:
    if picture.mode.startswith("I"):  # Pillow would cut 16 bits off at 255
        levels = np.asarray(picture).astype(np.int64)
        if levels.min() < 0 or levels.max() > 0xFFFF:
            raise WorkbenchError(f"expected levels of 0..65535; got {levels.min()}..{levels.max()}")
        picture = Image.fromarray((levels >> 8).astype(np.uint8))
    if picture.mode == "F":
        raise WorkbenchError("a picture of floats: their range is not known", note="save it with 8 or 16 bits")
    return picture.convert("RGB")


def pixels(picture: Picture) -> np.ndarray:
    """u8 [h, w, 3] RGB of a PIL picture of any mode; an array is passed on as it is."""
    return np.asarray(picture if isinstance(picture, np.ndarray) else _rgb(picture))


def save_picture(picture: Image.Image, path: str | Path) -> Path:
    """Save in the format that the file's ending names, atomically."""
    path = Path(path)
    kind = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG", ".webp": "WEBP"}.get(path.suffix.lower())
    if kind is None:
        raise WorkbenchError(f"cannot write a picture as '{path.suffix}'", str(path), "use .png, .jpg or .webp")
    return write_atomically(path, lambda file: picture.save(file, kind))


def views(picture: Image.Image, count: int) -> list[Image.Image]:
    """`count` pictures made of one, to fill a batch: as it is, mirrored, upside down, turned by 180 degrees, again."""
    turns = (None, Image.Transpose.FLIP_LEFT_RIGHT, Image.Transpose.FLIP_TOP_BOTTOM, Image.Transpose.ROTATE_180)
    chosen = (turns[i % len(turns)] for i in range(count))
    return [picture if turn is None else picture.transpose(turn) for turn in chosen]


def resize_bilinear(image: np.ndarray, size: Sequence[int]) -> np.ndarray:
    """u8 [h, w, c] resized to `size` (h, w): bilinear, half-pixel centres, no antialiasing.

    As cv2.resize does it with INTER_LINEAR (within one grey level, since cv2 rounds its coefficients to 11 bits);
    Pillow's own bilinear filter widens when it shrinks, which detectors trained with OpenCV did not see.
    """
    if image.shape[:2] == tuple(size):
        return image
    (y0, y1, fy), (x0, x1, fx) = (taps(n, m) for n, m in zip(image.shape[:2], size, strict=True))
    top, bottom = (image[y] for y in (y0, y1))  # rows first: of a large picture only those needed become floats
    fx, fy = fx[:, None], fy[:, None, None]
    rows = [row[:, x0] * (1 - fx) + row[:, x1] * fx for row in (top, bottom)]
    return np.rint(rows[0] * (1 - fy) + rows[1] * fy).astype(np.uint8)


def taps(n: int, m: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The two source indices and the second's share for each of m samples over n pixels."""
    at = ((np.arange(m, dtype=np.float32) + 0.5) * (n / m) - 0.5).clip(0, n - 1)
    first = at.astype(int)
    return first, np.minimum(first + 1, n - 1), (at - first).astype(np.float32)


def letterbox(picture: Picture, size: Sequence[int], pad: int = 114) -> tuple[np.ndarray, Letterbox]:
    """u8 [h, w, 3] RGB: the picture scaled to fit into `size` (h, w), top left, the rest filled with `pad`."""
    image = pixels(picture)
    scale = min(size[0] / image.shape[0], size[1] / image.shape[1])
    inner = [max(1, int(n * scale)) for n in image.shape[:2]]
    boxed = np.full((*size, 3), pad, np.uint8)
    boxed[: inner[0], : inner[1]] = resize_bilinear(image, inner)
    return boxed, Letterbox((image.shape[1], image.shape[0]), scale)
