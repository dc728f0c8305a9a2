"""Values as a config has them, and windows solved for the sizes that they give."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

FITTED = 2e-6  # relative error of a value that was solved for from float32 tensors


def text(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else f"{value:g}"


def number(value: float) -> str:
    """The shortest decimal within a solved value's own error; 0 where it is nothing but that."""
    if abs(value) < 1e-6:
        return "0"
    return next(t for digits in range(1, 10) if _near(float(t := f"{value:.{digits}g}"), value) or digits == 9)


def _near(a: float, b: float) -> bool:
    return abs(a - b) <= FITTED * abs(b)


def numbers(values: Iterable[Any]) -> str:
    return ",".join(map(number, values))
