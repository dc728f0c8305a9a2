"""Colours of maps: code 0..254 to RGB, and 255 for NaN and Inf. Masks, classes and instances have theirs here too."""

from __future__ import annotations

import numpy as np

NOT_FINITE = 255
TOP = 254
MIDDLE = TOP // 2  # of a diverging map: no difference

# Ten colours of viridis (Smith and van der Walt, CC0), a perceptually even map.
_VIRIDIS = "440154 482878 3e4989 31688e 26828e 1f9e89 35b779 6ece58 b5de2b fde725"
_BLUE_WHITE_RED = "053061 2a71b2 6fafd2 c5dfec f7f7f7 fbd3bd ee9677 c2383a 67001f"
_BLUE_BLACK_ORANGE = "9ecbff 4f93d6 235a8c 173248 141414 4a2418 8f4020 d9702f ffc08a"
_MAGENTA = (255, 0, 255)  # in none of the maps above


def table(stops: str) -> np.ndarray:
    """u8 [256, 3]: the stops' colours, evenly spaced over codes 0..254, and magenta for what is not finite."""
    colours = np.array([[int(s[i : i + 2], 16) for i in (0, 2, 4)] for s in stops.split()], float)
    at = np.linspace(0, len(colours) - 1, TOP + 1)
    mixed = [np.interp(at, np.arange(len(colours)), colours[:, k]) for k in range(3)]
    return np.concatenate([np.stack(mixed, 1).round(), [_MAGENTA]]).astype(np.uint8)


VALUES = table(_VIRIDIS)
DIFFERENCE = table(_BLUE_WHITE_RED)
DIFFERENCE_DARK = table(_BLUE_BLACK_ORANGE)


def labels(count: int) -> np.ndarray:
    """u8 [count, 3]: colours of classes or instances: hues by the golden angle, in two lightnesses."""
    turn = (np.arange(count) * 0.381966 + 0.58) % 1
    light = np.where(np.arange(count) % 2, 0.62, 0.46)
    # HSL with a saturation of 0.75, in the closed form of the CSS Color specification.
    chroma = 0.75 * np.minimum(light, 1 - light)
    k = (np.array([0, 8, 4])[None] + 12 * turn[:, None]) % 12
    rgb = light[:, None] - chroma[:, None] * np.minimum(np.minimum(k - 3, 9 - k), 1).clip(-1)
    return (rgb * 255).round().astype(np.uint8)
