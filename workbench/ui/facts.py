"""The numbers beside a tensor's maps: facts, histogram, running maxima, worst elements; NaN and Inf as words."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from workbench.compare.metrics import measure
from workbench.ui.arrangement import Arrangement
from workbench.ui.difference import as_float, difference
from workbench.ui.scan import WORST, Scan

HEAD, TAIL = 2, 6  # running maxima shown of a long listing
BIN = 0.25  # decades
DECADES = 9  # of a histogram, at most


def number(value: Any) -> str:
    """The shortest text that gives the value back in its own type, with a true minus sign."""
    v = np.asarray(value)[()]
    if not np.isfinite(v):
        return "NaN" if np.isnan(v) else "−Inf" if v < 0 else "Inf"
    if isinstance(v, np.floating):
        plain = v == 0 or 1e-4 <= abs(v) < 1e7
        text = (
            np.format_float_positional(v, trim="0") if plain else np.format_float_scientific(v, trim="0", exp_digits=1)
        )
    else:
        text = str(int(v))
    return text.replace("-", "−")


def short(value: float, digits: int = 1) -> str:
    """3.1e-3, −1.06e-2, 0; Inf and NaN as words."""
    if value == 0 or not math.isfinite(value):
        return number(value)
    text = f"{abs(value):.{digits}e}".replace("e-0", "e-").replace("e+0", "e").replace("e+", "e")
    return f"−{text}" if value < 0 else text


def plane_facts(x: np.ndarray, r: np.ndarray, dtype: str) -> list[tuple[str, str]]:
    """Names and numbers of one channel, for the row under the maps."""
    m = measure(x, r)
    equal = int(np.count_nonzero(x == r)) + int(np.count_nonzero(np.isnan(as_float(x)) & np.isnan(as_float(r))))
    bad = [_count(t) for t in (r, x)]
    return [
        ("mean |diff|", short(m.mean_abs)),
        ("cosine", f"{m.cosine:.7f}"),
        ("SNR", f"{m.snr_db:.1f} dB" if math.isfinite(m.snr_db) else number(m.snr_db)),
        ("equal", f"{equal:,}"),
        ("NaN / Inf", " → ".join(dict.fromkeys(f"{n} / {i}" for n, i in bad))),
        ("dtype", dtype),
    ]


def _count(plane: np.ndarray) -> tuple[int, int]:
    """NaN and Inf elements."""
    p = as_float(plane)
    nan = int(np.count_nonzero(np.isnan(p)))
    return nan, int(np.count_nonzero(~np.isfinite(p))) - nan


def histogram(d: np.ndarray, allowed: float) -> dict[str, Any]:
    """Counts of log10|d| in quarter decades, one edge exactly at log10(allowed). Zeros and non-finite are apart."""
    sizes = np.abs(d[np.isfinite(d)])
    sizes = sizes[sizes > 0]
    result: dict[str, Any] = {"values": d.size, "equal": int(np.count_nonzero(d == 0)), "counts": [], "low": 0.0}
    result["allowed"] = math.log10(allowed) if allowed > 0 else None
    if not sizes.size:
        return result
    logs = np.log10(sizes.astype(np.float64))
    origin = result["allowed"] or 0.0
    high = math.floor((float(logs.max()) - origin) / BIN) + 1
    low = max(math.floor((float(logs.min()) - origin) / BIN), high - round(DECADES / BIN))
    bins = np.clip(np.floor((logs - origin) / BIN).astype(int), low, high - 1) - low
    result["counts"] = np.bincount(bins, minlength=high - low).tolist()
    result["low"] = origin + low * BIN
    return result


def listing(maxima: list[tuple[int, float]], x: np.ndarray, r: np.ndarray) -> dict[str, Any]:
    """Rows (flat index, reference, engine, difference) of the running maximum; a long listing's middle is left out."""
    left_out = max(0, len(maxima) - HEAD - TAIL)
    shown = [*maxima[:HEAD], *maxima[-TAIL:]] if left_out else maxima
    return {"rows": list(_rows(shown, x, r)), "left_out": left_out, "after": HEAD}


def _rows(found: Iterable[tuple[int, float]], x: np.ndarray, r: np.ndarray) -> Iterable[list[Any]]:
    for flat, d in found:
        at = np.unravel_index(flat, r.shape)
        yield [flat, number(r[at]), number(x[at]), f"{d:.7f}" if d == 0 or 1e-4 <= d < 1e3 else short(d, 3)]


def worst_rows(
    found: list[tuple[int, float]], x: np.ndarray, r: np.ndarray, how: Arrangement, allowed: float
) -> list[dict[str, Any]]:
    """Where the largest differences lie: index for the jump, place in the picture, signed difference, × tolerance."""
    rows = []
    for flat, d in found:
        index = tuple(int(i) for i in np.unravel_index(flat, r.shape))
        y, across, channel, _ = how.place(index)
        signed = float(difference(np.asarray(x[index]), np.asarray(r[index])))
        rows.append(
            {"index": index, "place": [y, across, channel], "diff": short(signed, 2), "times": times(d, allowed)}
        )
    return rows


def times(d: float, allowed: float) -> str:
    """How many times the allowed difference d is; empty where no tolerance is known."""
    if not allowed > 0 or math.isnan(d):
        return ""
    ratio = abs(d) / allowed
    return number(ratio) if not math.isfinite(ratio) else f"{ratio:,.0f}" if ratio >= 10 else f"{ratio:.2g}"


def plane_scan(x: np.ndarray, r: np.ndarray, flat: tuple[np.ndarray, np.ndarray]) -> Scan:
    """The Scan of one channel's plane; `flat` holds its elements' numbers in the whole tensor (Arrangement.offsets)."""
    d = np.nan_to_num(difference(x, r, "abs"), nan=np.inf, posinf=np.inf).ravel()
    numbers = (flat[0][:, None] + flat[1][None, :]).ravel()
    b = as_float(r).ravel()
    if (np.diff(numbers) < 0).any():
        order = np.argsort(numbers)
        numbers, d, b = numbers[order], d[order], b[order]
    found = Scan(np.array([d.max(initial=0.0)]), d.size)
    found.take(b, d, 0)
    found.maxima = [(int(numbers[i]), e) for i, e in found.maxima]
    found.worst = [(int(numbers[i]), e) for i, e in found.worst[:WORST]]
    return found
