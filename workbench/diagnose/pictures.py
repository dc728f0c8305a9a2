"""Pictures of what the original's network is fed and of what the config feeds it, to be seen side by side."""

from __future__ import annotations

import base64
import io

import numpy as np

from workbench.diagnose.result import Picture
from workbench.diagnose.scene import REFUSALS, Scene

CHANNELS = (1, 3)  # that a picture has


def both_inputs(scene: Scene) -> list[Picture]:
    """The original's input and that of the wrong line; none where they are no pictures."""
    (name, want), *_ = scene.want.items()
    try:
        ours = scene.values((scene.node,))[name]
    except REFUSALS:
        return []
    return side_by_side(want, ours)


def side_by_side(want: np.ndarray, ours: np.ndarray) -> list[Picture]:
    """Both of [N, C, H, W] or [N, H, W, C], in one scale of grey values, so that a difference in range is seen too."""
    low, high = float(np.min(want)), float(np.max(want))
    pictures = []
    for title, x in (("the original's input", want), ("the config's", ours)):
        uri = _png(x, low, high)
        if uri:
            pictures.append(Picture(f"{title}: {list(x.shape)}, {np.nanmin(x):.4g} to {np.nanmax(x):.4g}", uri))
    return pictures


def _png(x: np.ndarray, low: float, high: float) -> str:
    """The first picture of the batch as a data URI; values outside low and high are cut off."""
    from PIL import Image

    if x.ndim != 4:
        return ""
    first = x[0].transpose(1, 2, 0) if x.shape[1] in CHANNELS else x[0]
    if first.shape[2] not in CHANNELS:
        return ""
    scaled = np.nan_to_num((first.astype(np.float64) - low) / max(high - low, 1e-30) * 255)
    pixels = np.clip(scaled, 0, 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
