"""The one published formula by which a tensor is judged. All that says "passed" goes through here.

For a reference r and a value x, error = max|x - r| / max(max|r|, FLOOR): the largest difference as a part of the
tensor's range. It passes where error <= tolerance = max(K * noise, C * ulp, sqrt(terms) * u), bit for bit where the
layer only copies.
noise is the layer's own error between float32 and float64 on the same input, measured in the same way, so that a
deep softmax is not judged like a copy; ulp is the precision's spacing at 1. terms is the length of the layer's longest
sum of products and u float32's unit roundoff: PyTorch may sum in blocks, with less noise than an engine that sums one
by one, whose error grows with the root of the length (Higham & Mary 2019, SIAM J. Sci. Comput. 41). It counts from
1,024 products on.
"""

from __future__ import annotations

import math

import numpy as np

FLOOR = 1e-30  # only keeps an all-zero reference from dividing by zero
# An engine sums in another order than PyTorch: two roundings that are each as large as the measured noise, whose
# maximum over a tensor is itself a sample, hence a factor of 8 on it.
K = 8.0
# exp, tanh and erf of vector libraries are good to about 4 ulp, and an epilogue chains up to four of them.
C = 16.0
ULP = {"f32": 2.0**-23, "tf32": 2.0**-10, "f16": 2.0**-10, "bf16": 2.0**-7}


def error(x: np.ndarray, r: np.ndarray) -> float:
    """Largest difference relative to the reference's range; inf where NaN, Inf or shapes disagree."""
    if x.shape != r.shape:
        return float("inf")
    if r.size == 0:
        return 0.0
    x, r = np.asarray(x, np.float64), np.asarray(r, np.float64)
    finite = np.isfinite(r)
    if not finite.all():
        if not np.array_equal(x[~finite], r[~finite], equal_nan=True):
            return float("inf")
        x, r = x[finite], r[finite]
        if r.size == 0:
            return 0.0
    worst = float(np.abs(x - r).max())
    return float("inf") if np.isnan(worst) else worst / max(float(np.abs(r).max()), FLOOR)


def tolerance(noise: float, precision: str = "f32", exact: bool = False, terms: int = 0) -> float:
    """What the error may be at most; 0 for a layer that only copies, in f32. Noise of Inf or NaN excuses nothing."""
    noise = noise if math.isfinite(noise) else 0.0
    summing = math.sqrt(terms) * ULP["f32"] / 2  # sums are float32 in every precision
    return 0.0 if exact and precision == "f32" else max(K * noise, C * ULP[precision], summing)
