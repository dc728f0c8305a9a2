"""Floats of other bytes: another byte order, another type, or rounded to one."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from workbench.diagnose.file_causes.table import Claim, Compared, file_cause, same

# bytes, the spacing at 1 and that at 0: values were rounded to them when they were written
TYPES = {"float16": (2, 2.0**-10, 2.0**-24), "bfloat16": (2, 2.0**-7, 1e-12), "float64": (8, 1e-6, 1e-12)}


@file_cause("byte_swapped", "big-endian floats, in one tensor or the whole file")
def byte_swapped(c: Compared) -> Iterator[Claim]:
    if same(_swapped(c.got), c.want):
        yield Claim("the file's floats are read as big-endian", c.got.size, c.plan.stored[0])
    elif same(_swapped(c.g), c.w):
        yield Claim(f"{c.label} is read as big-endian", c.at.count, c.at)


def _swapped(floats: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(floats, "<f4").byteswap()


@file_cause("wrong_dtype", "float16, bfloat16 or float64 data, of one tensor or the whole file; floats rounded to "
            "float16 or bfloat16")  # fmt: skip
def wrong_dtype(c: Compared) -> Iterator[Claim]:
    for kind, (width, spacing, _) in TYPES.items():
        if _holds(c.got, c.want, kind):
            yield Claim(f"the whole file is converted from {kind} to float32", c.got.size, c.plan.stored[0])
        elif _holds(c.got[c.at.offset :], c.w, kind):
            yield Claim(f"{c.label} is converted from {kind} to float32", c.at.count, c.at)
        elif width == 2 and c.w.any() and np.array_equal(c.g, _as_floats(_rounded(c.w, kind), kind)):
            yield Claim(f"{c.label} is not rounded to {kind}, whose spacing is {spacing:g}", c.at.count, c.at)


def _holds(data: np.ndarray, want: np.ndarray, kind: str) -> bool:
    """Whether the data's bytes are the floats wanted in another type; a last odd one may have been cut off."""
    width, *spacings = TYPES[kind]
    raw = np.ascontiguousarray(data[: -(-want.size * width // 4)], "<f4").view(np.uint8)
    count = min(raw.size // width, want.size)
    return (
        count >= max(want.size - 1, 1)
        and bool(want.any())
        and same(_as_floats(raw[: count * width], kind), want[:count], *spacings)
    )


def _as_floats(raw: np.ndarray, kind: str) -> np.ndarray:
    if kind == "bfloat16":
        return (raw.view("<u2").astype(np.uint32) << 16).view(np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        return raw.view("<f8" if kind == "float64" else "<f2").astype(np.float32)


def _rounded(floats: np.ndarray, kind: str) -> np.ndarray:
    """The floats in the type, as bytes; bfloat16 to nearest, ties to even."""
    if kind == "float16":
        with np.errstate(over="ignore"):
            return np.ascontiguousarray(floats.astype("<f2")).view(np.uint8)
    bits = np.ascontiguousarray(floats, "<f4").view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype("<u2").view(np.uint8)
