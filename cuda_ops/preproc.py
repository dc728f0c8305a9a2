"""Launches of preproc.cu."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .launch import Launch, flat


@dataclass(frozen=True)
class Preproc:
    """x [batch, height, width, channels] (channels_last) or [batch, channels, height, width],
    bytes (dtype u8) or floats (stored).

    mean, std and fill hold one value per channel of the output. fill is what the padding holds in the end: where
    padding comes before normalising, (pad_value - mean) / std. pads are top, bottom, left, right.
    """

    batch: int
    channels: int
    height: int
    width: int
    mean: Sequence[float]
    std: Sequence[float]
    fill: Sequence[float]
    pads: tuple[int, ...] = (0, 0, 0, 0)
    channels_last: bool = True
    reverse: bool = False
    dtype: str = "u8"

    @property
    def out(self) -> tuple[int, int]:
        """Output height and width."""
        return self.height + self.pads[0] + self.pads[1], self.width + self.pads[2] + self.pads[3]


def preproc(p: Preproc, x: Any, y: Any) -> Launch:
    """y [batch, channels, *out] = (x - mean) / std, padded."""
    constants = np.array([p.mean, p.std, p.fill], np.float32)
    if constants.shape != (3, p.channels):
        raise ValueError(f"mean, std and fill need {p.channels} values each")
    count = p.batch * p.out[0] * p.out[1]
    place = (p.channels, p.height, p.width, p.pads[0], p.pads[2], *p.out, int(p.channels_last), int(p.reverse))
    return flat("preproc", f"preproc_{p.dtype}", count, x, y, constants, count, *place)
