"""Floats in other places: tensors left out, put in, shifted or exchanged."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from workbench.diagnose.file_causes.table import Claim, Compared, alike, file_cause, same

PROBE = 16  # floats that must agree before a shift is looked at as a whole


@file_cause("weights_missing", "a tensor left out: all that follows moves up")
def missing(c: Compared) -> Iterator[Claim]:
    for begin, k, floats in _shifts(c, c.want, c.got):
        lost = [s for s in c.plan.stored if s.count == k and s.offset <= begin <= s.offset + s.count]
        if lost:
            yield Claim(f"the file had {lost[-1].letter} {list(lost[-1].shape)}", floats, lost[-1])


@file_cause("weights_extra", "a tensor too many before the line")
def extra(c: Compared) -> Iterator[Claim]:
    for begin, k, floats in _shifts(c, c.got, c.want):
        if any(s.offset == begin for s in c.plan.stored) and k in {s.count for s in c.plan.stored}:
            yield Claim(f"the {k} floats from {begin} on, a tensor too many, are taken out", floats, c.at)


@file_cause("weights_shifted", "the floats shifted by any k, forwards or backwards")
def shifted(c: Compared) -> Iterator[Claim]:
    if not any(missing(c)) and not any(extra(c)):  # which say more
        for begin, k, floats in _shifts(c, c.want, c.got):
            yield Claim(f"the file had {k} floats more at {begin}", floats, c.at)
        for begin, k, floats in _shifts(c, c.got, c.want):
            yield Claim(f"the file had the {k} floats at {begin} less", floats, c.at)


def _shifts(c: Compared, long: np.ndarray, short: np.ndarray) -> Iterator[tuple[int, int, int]]:
    """(place, floats that only `long` has there, floats that agree after them), at most one."""
    stop = c.at.offset + c.at.count
    if c.got.size == c.want.size and same(c.got[stop:], c.want[stop:]):
        return  # only this tensor differs
    begin = _parting(c.got, c.want)
    for k in _offsets(long[begin:], short[begin : begin + PROBE]):
        n = min(long.size - begin - k, short.size - begin)
        if same(long[begin + k : begin + k + n], short[begin : begin + n]):
            yield begin, k, n + k
            return


def _parting(got: np.ndarray, want: np.ndarray) -> int:
    n = min(got.size, want.size)
    apart = np.flatnonzero(~alike(got[:n], want[:n]))
    return int(apart[0]) if apart.size else n


def _offsets(long: np.ndarray, tail: np.ndarray) -> list[int]:
    """Where `tail` begins in `long`, other than at 0."""
    if not tail.size:
        return [long.size] if long.size else []
    starts = np.flatnonzero(long[: max(long.size - tail.size + 1, 0)] == tail[0])
    return [int(k) for k in starts if k and same(long[k : k + tail.size], tail)]


@file_cause("gamma_beta_swapped", "r and b of one line exchanged")
def gamma_beta(c: Compared) -> Iterator[Claim]:
    yield from _exchanged(c, "rb")


@file_cause("mean_var_swapped", "m and v of one line exchanged")
def mean_var(c: Compared) -> Iterator[Claim]:
    yield from _exchanged(c, "mv")


@file_cause("weights_swapped", "two tensors of one size exchanged")
def swapped(c: Compared) -> Iterator[Claim]:
    if not any(gamma_beta(c)) and not any(mean_var(c)):  # which say more
        yield from _exchanged(c)


def _exchanged(c: Compared, letters: str = "") -> Iterator[Claim]:
    """The tensors that `at` is exchanged with; of these letters of its own line, where they are given."""
    mine = slice(c.at.offset, c.at.offset + c.at.count)
    for other in c.plan.stored:
        theirs = slice(other.offset, other.offset + other.count)
        if other.count != c.at.count or same(c.want[mine], c.want[theirs]):
            continue
        pair = other.node.index == c.at.node.index and {other.letter, c.at.letter} == set(letters)
        if (pair or not letters) and same(c.got[mine], c.want[theirs]) and same(c.got[theirs], c.want[mine]):
            yield Claim(f"{c.at.letter} and {other} are exchanged", 2 * c.at.count, c.at)
