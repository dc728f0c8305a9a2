"""A picture as the views take it, and as a browser gets it."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image

from workbench.errors import WorkbenchError
from workbench.ports.common.pictures import Picture, open_picture, pixels

LONGEST = 4096  # pixels of the longer side in a browser, whose canvases hold no more everywhere


def picture_of(picture: Picture | str | Path) -> np.ndarray:
    """u8 [h, w, 3] RGB of a PIL picture, a path or such an array. Raises WorkbenchError."""
    image = pixels(open_picture(Path(picture)) if isinstance(picture, str | Path) else picture)
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
        raise WorkbenchError(f"expected a picture u8 [h, w, 3] in RGB; got {image.dtype}{list(image.shape)}")
    return image


def picture_bytes(image: np.ndarray) -> bytes:
    """The picture as a JPEG, scaled down where it is larger than a canvas."""
    small = Image.fromarray(image)
    small.thumbnail((LONGEST, LONGEST), Image.Resampling.BILINEAR)
    out = io.BytesIO()
    small.save(out, "JPEG", quality=92)
    return out.getvalue()
