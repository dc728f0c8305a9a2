"""What is wrong with a weights file, by comparing its floats with those that the model would give."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import numpy as np

from workbench.weights.spec import WeightPlan, WeightSpec

FILE_CAUSES = {
    "weights_missing": "a tensor left out: all that follows moves up",
    "weights_extra": "a tensor too many before the line",
    "weights_shifted": "the floats shifted by k, forwards or backwards",
    "gamma_beta_swapped": "r and b of one line exchanged",
    "mean_var_swapped": "m and v of one line exchanged",
    "weights_swapped": "two tensors of one size exchanged",
    "kernel_transposed": "a kernel's or matrix's axes in another order",
    "kernel_flipped": "a kernel mirrored along its last axes",
    "byte_swapped": "big-endian floats",
    "wrong_dtype": "float16 or float64 data, or floats rounded to float16",
    "bn_unfolded": "the kernel without its batch norm",
    "bn_doubly_folded": "the batch norm folded in twice",
    "weights_zeroed": "a tensor of zeros",
    "weights_scaled": "a tensor times one factor",
}
PROBE = 16  # floats that must agree before a shift is looked at as a whole


@dataclass(frozen=True)
class FileFault:
    """A cause, the tensor where it begins, and what it is in words."""

    cause: str
    spec: WeightSpec
    text: str


def same(a: np.ndarray, b: np.ndarray) -> bool:
    """Equal up to float32's rounding of a fold that was done in another order."""
    return a.size == b.size and bool(np.allclose(a.reshape(-1), b.reshape(-1), rtol=1e-6, atol=1e-12, equal_nan=True))


def first_difference(got: np.ndarray, want: np.ndarray, plan: WeightPlan) -> WeightSpec | None:
    """The first tensor of the plan whose floats differ or are not there."""
    for spec in plan.stored:
        span = slice(spec.offset, spec.offset + spec.count)
        if not same(got[span], want[span]):
            return spec
    return plan.stored[-1] if got.size > want.size and plan.stored else None


def file_faults(
    got: np.ndarray, want: np.ndarray, plan: WeightPlan, state: Mapping[str, Any], at: WeightSpec
) -> list[FileFault]:
    """Everything that explains the tensor `at`; causes of the whole file come first and are then the only ones."""
    whole = list(_whole(got, want, plan, at))
    return whole or [FileFault(c, at, t) for c, t in _tensor(got, want, plan, state, at)]


def _whole(got: np.ndarray, want: np.ndarray, plan: WeightPlan, at: WeightSpec) -> Iterator[FileFault]:
    first = plan.stored[0]
    if same(np.ascontiguousarray(got, "<f4").byteswap(), want):
        yield FileFault("byte_swapped", first, "the file's floats are read as little-endian")
        return
    for kind in ("<f2", "<f8"):
        data = want.astype(kind).tobytes()
        if len(want) > 1 and np.ascontiguousarray(got, "<f4").tobytes()[: len(data)] == data[: 4 * got.size]:
            yield FileFault(
                "wrong_dtype", first, f"the file's data are converted from {np.dtype(kind).name} to float32"
            )
            return
    yield from _shift(got, want, plan, at)


def _shift(got: np.ndarray, want: np.ndarray, plan: WeightPlan, at: WeightSpec) -> Iterator[FileFault]:
    """Floats left out or put in at one place: all that follows agrees again after a shift."""
    span = slice(at.offset, at.offset + at.count)
    if got.size == want.size and same(got[span.stop :], want[span.stop :]):
        return  # only this tensor differs
    begin = _parting(got, want)
    for missing, long, short in ((True, want, got), (False, got, want)):
        tail = short[begin : begin + PROBE]
        for k in _offsets(long[begin:], tail):
            n = min(long.size - begin - k, short.size - begin)
            if n >= min(PROBE, tail.size) and same(long[begin + k : begin + k + n], short[begin : begin + n]):
                fits = [s for s in plan.stored if s.count == k and s.offset <= begin < s.offset + s.count + 1]
                if missing and fits:
                    yield FileFault(
                        "weights_missing", fits[-1], f"the file had {fits[-1].letter} {list(fits[-1].shape)}"
                    )
                elif (
                    not missing and any(s.offset == begin for s in plan.stored) and k in {s.count for s in plan.stored}
                ):
                    yield FileFault(
                        "weights_extra", at, f"the {k} floats from {begin} on, a tensor too many, are taken out"
                    )
                else:
                    word = f"{k} floats more at {begin}" if missing else f"the {k} floats at {begin} less"
                    yield FileFault("weights_shifted", at, f"the file had {word}")
                return


def _parting(got: np.ndarray, want: np.ndarray) -> int:
    n = min(got.size, want.size)
    apart = np.flatnonzero(~np.isclose(got[:n], want[:n], rtol=1e-6, atol=1e-12, equal_nan=True))
    return int(apart[0]) if apart.size else n


def _offsets(long: np.ndarray, tail: np.ndarray) -> list[int]:
    """Where `tail` begins in `long`, other than at 0."""
    if not tail.size:
        return [long.size] if long.size else []
    starts = np.flatnonzero(long[: long.size - tail.size + 1] == tail[0])
    return [int(k) for k in starts if k and same(long[k : k + tail.size], tail)]


def _tensor(
    got: np.ndarray, want: np.ndarray, plan: WeightPlan, state: Mapping[str, Any], at: WeightSpec
) -> Iterator[tuple[str, str]]:
    g, w = (x[at.offset : at.offset + at.count] for x in (got, want))
    label = f"{at.letter} {list(at.shape)}"
    yield from _exchanges(got, want, plan, at)
    if same(np.ascontiguousarray(g, "<f4").byteswap(), w):
        yield "byte_swapped", f"{label} is read as little-endian"
    if np.array_equal(g, w.astype(np.float16).astype(np.float32)):
        yield "wrong_dtype", f"{label} is not rounded to float16"
    if not g.any():
        yield "weights_zeroed", f"{label} is not all zeros"
    if len(at.shape) > 1:
        yield from _layouts(g, w, at.shape, label)
    factor = float(np.dot(g.astype(np.float64), w)) / max(float(np.dot(w.astype(np.float64), w)), 1e-300)
    if w.size > 1 and g.any() and same(g, (w * factor).astype(np.float32)):
        yield "weights_scaled", f"{label} is divided by {factor:.6g}"
    elif at.letter in "wa":
        yield from _folds(g, w, state, label)


def _exchanges(got: np.ndarray, want: np.ndarray, plan: WeightPlan, at: WeightSpec) -> Iterator[tuple[str, str]]:
    mine = slice(at.offset, at.offset + at.count)
    for other in plan.stored:
        theirs = slice(other.offset, other.offset + other.count)
        if other is at or other.count != at.count or not same(got[mine], want[theirs]):
            continue
        if same(got[theirs], want[mine]):
            letters = {at.letter, other.letter} if other.node.index == at.node.index else set()
            names = {frozenset("rb"): "gamma_beta_swapped", frozenset("mv"): "mean_var_swapped"}
            yield names.get(frozenset(letters), "weights_swapped"), f"{at.letter} and {other} are exchanged"


def _layouts(g: np.ndarray, w: np.ndarray, shape: tuple[int, ...], label: str) -> Iterator[tuple[str, str]]:
    kernel = w.reshape(shape)
    for order in permutations(range(len(shape))):
        if order != tuple(range(len(shape))) and same(g, kernel.transpose(order)):
            yield "kernel_transposed", f"{label} is laid out as {list(shape)}, not with its axes in the order {order}"
            break
    for axes in ((-1,), (-2,), (-2, -1)):
        if same(g, np.flip(kernel, axes)):
            yield "kernel_flipped", f"{label} is mirrored along axes {axes}"
            break


def _folds(g: np.ndarray, w: np.ndarray, state: Mapping[str, Any], label: str) -> Iterator[tuple[str, str]]:
    for name, tensor in state.items():
        if tensor.numel() == g.size and tensor.is_floating_point():
            raw = tensor.detach().cpu().numpy().reshape(-1)
            if same(g, raw):
                yield "bn_unfolded", f"the batch norm is folded into {label}: it is {name} as it stands"
                return
            if raw.any() and np.allclose(g * raw, w * w, rtol=1e-4, atol=1e-9):
                yield "bn_doubly_folded", f"the batch norm is folded into {label} once, not twice"
                return
