"""The kernel of a 3 x 3 convolution as winograd.hpp multiplies it."""

from __future__ import annotations

import numpy as np

POINTS = (0.0, 0.75, -0.75, 1.5, -1.5)  # winograd.hpp has the transforms of the pictures for the same ones
COLUMNS = 2  # vectors of output channels in a panel
TILE, PRODUCTS = 4, 36


def kernel_transform() -> np.ndarray:
    """G [6, 3] of Y = A^T[(G w G^T) (B^T x B)]A: the kernel's polynomial at POINTS and at infinity.

    Source: Lavin & Gray, arXiv:1509.09308; the points' differences divide it, as in Toom and Cook's multiplication.
    """
    rows = []
    for a in POINTS:
        others = np.prod([a - b for b in POINTS if b != a])
        rows.append([1 / others, a / others, a * a / others])
    return np.array([*rows, [0, 0, 1]])


def pack_kernel(kernel: np.ndarray, lanes: int) -> np.ndarray:
    """[out, in, 3, 3] to floats: per panel of COLUMNS vectors of output channels [36, in, lanes of the panel].

    Transformed in float64 and rounded once. The last panel is as wide as it must be, filled up with zeros.
    """
    out, channels = kernel.shape[:2]
    g = kernel_transform()
    u = np.einsum("ia,kcab,jb->ijck", g, kernel.astype(np.float64), g, optimize=True).reshape(PRODUCTS, channels, out)
    u = np.pad(u.astype(np.float32), ((0, 0), (0, 0), (0, -out % lanes)))
    return np.concatenate([p.ravel() for p in np.split(u, range(COLUMNS * lanes, u.shape[2], COLUMNS * lanes), axis=2)])


def pack_bias(bias: np.ndarray, lanes: int) -> np.ndarray:
    """[out], filled up with zeros to whole vectors."""
    return np.pad(bias.astype(np.float32), (0, -bias.size % lanes))
