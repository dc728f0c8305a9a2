"""Numbers shown beside the verdict: what differs, by how much, and where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from workbench.compare.parts import Part, part_error


@dataclass(frozen=True)
class Metrics:
    """A value x against a reference r. `worst` is the index of the largest difference, `at` holds (r, x) there."""

    error: float  # the verdict's: max|x - r| / max|r|, taken per part
    max_abs: float
    mean_abs: float
    max_rel: float  # max |x - r| / |r| where |r| is at least a thousandth of the range
    cosine: float
    snr_db: float  # 20 log10(|r| / |x - r|)
    worst: tuple[int, ...]
    at: tuple[float, float]
    nan: int  # NaN or Inf in x that r does not have
    shape: tuple[int, ...]
    shape_expected: tuple[int, ...]
    dtype: str

    @property
    def comparable(self) -> bool:
        return self.shape == self.shape_expected


def measure(x: np.ndarray, r: np.ndarray, parts: list[Part] | None = None) -> Metrics:
    """All metrics of x against r; where `parts` are given, error is the worst part's, each by its own range."""
    common: dict[str, Any] = {"shape": x.shape, "shape_expected": r.shape, "dtype": str(x.dtype)}
    if x.shape != r.shape or r.size == 0:
        inf = 0.0 if x.shape == r.shape else float("inf")
        return Metrics(inf, inf, inf, inf, 0.0, -inf, (), (0.0, 0.0), 0, **common)
    a, b = np.asarray(x, np.float64), np.asarray(r, np.float64)
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        diff = np.abs(a - b)
        diff = np.where((a == b) | (np.isnan(a) & np.isnan(b)), 0.0, diff)
        worst = np.unravel_index(int(np.nan_to_num(diff, nan=np.inf).argmax()), b.shape)
        finite = np.isfinite(diff) & np.isfinite(b)
        d, kept, want = (diff, a, b) if finite.all() else (diff[finite], a[finite], b[finite])
        s = np.abs(want)
        large = s > 1e-3 * s.max(initial=0.0)
        signal, noise = _norm(want), _norm(d)
        cosine = float((kept * want).sum()) / max(_norm(kept) * signal, 1e-300)
    return Metrics(
        part_error(x, r, parts),
        float(diff[worst]),
        float(d.mean()) if d.size else 0.0,
        float((d[large] / s[large]).max(initial=0.0)),
        cosine,
        float("inf") if noise == 0 else 20 * float(np.log10(max(signal, 1e-300) / noise)),
        tuple(int(i) for i in worst),
        (float(b[worst]), float(a[worst])),
        int((~np.isfinite(a) & np.isfinite(b)).sum()),
        **common,
    )


def _norm(x: np.ndarray) -> float:
    """Euclidean norm without BLAS, whose threads would compete with the engine's."""
    return float(np.sqrt((x * x).sum()))


def running_maxima(x: np.ndarray, r: np.ndarray, limit: int = 40) -> list[tuple[int, float, float, float]]:
    """(flat index, r, x, |x - r|) wherever the difference exceeds every one before it, as porters list it."""
    a, b = np.asarray(x, np.float64).ravel(), np.asarray(r, np.float64).ravel()
    diff = np.nan_to_num(np.abs(a - b), nan=np.inf)
    before = np.concatenate([[-1.0], np.maximum.accumulate(diff)[:-1]])
    return [(int(i), float(b[i]), float(a[i]), float(diff[i])) for i in np.flatnonzero(diff > before)[-limit:]]


def format_running_maxima(x: np.ndarray, r: np.ndarray, limit: int = 40) -> str:
    """The listing of running maxima as text, the reference as R0."""
    head = f"{'index':>10} {'R0 (reference)':>16} {'R (engine)':>16} {'diff':>14}"
    return "\n".join(
        [head, *(f"{i:>10} {b:>16.7f} {a:>16.7f} {d:>14.7g}" for i, b, a, d in running_maxima(x, r, limit))]
    )
