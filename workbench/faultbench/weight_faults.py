"""Faults of a weights file that a porter's script writes: tensors misplaced, rearranged, or of other bits."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from workbench.config.document import Document
from workbench.errors import WorkbenchError
from workbench.faultbench.kinds import UNLISTED, WEIGHTS, Kind, Plant, Site, register
from workbench.graph import Graph, Node
from workbench.session import Session
from workbench.weights.spec import WeightSpec

Rng = np.random.Generator
Change = Callable[[np.ndarray, Rng], np.ndarray]
Fits = Callable[[Node, WeightSpec], bool]


def tensor_fault(name: str, fits: Fits, change: Change, group: str = WEIGHTS) -> None:
    """A kind that makes other values of the same number out of one tensor; at random one of those that fit."""

    def plant(site: Site, rng: Rng) -> Plant:
        specs = [s for s in site.plan.stored if s.node.index == site.node.index and fits(site.node, s)]
        spec = specs[int(rng.integers(len(specs)))]
        values = site.values.copy()
        part = slice(spec.offset, spec.offset + spec.count)
        values[part] = np.asarray(change(values[part].reshape(spec.shape), rng), np.float32).reshape(-1)
        return Plant(site.node, f"{spec.letter} {list(spec.shape)}", values=values)

    register(Kind(name, group, lambda graph, node, specs: any(fits(node, s) for s in specs), plant))


def file_fault(name: str, change: Callable[[np.ndarray, WeightSpec, Rng], tuple[np.ndarray, str]]) -> None:
    """A kind that moves what follows in the file: change(all floats, the line's first tensor, rng) → floats, what."""

    def plant(site: Site, rng: Rng) -> Plant:
        spec = next(s for s in site.plan.stored if s.node.index == site.node.index)
        values, what = change(site.values, spec, rng)
        return Plant(site.node, what, values=values)

    register(Kind(name, WEIGHTS, lambda graph, node, specs: bool(specs), plant))


def kernel(node: Node, spec: WeightSpec) -> bool:
    return spec.letter.startswith("w") and len(spec.shape) > 1 and node.tag not in ("const", "posemb", "embed")


def taps(node: Node, spec: WeightSpec) -> bool:
    """A kernel of several taps."""
    return kernel(node, spec) and int(np.prod(spec.shape[2:])) > 1


def square(axis: int, other: int) -> Fits:
    return lambda node, spec: kernel(node, spec) and len(spec.shape) > max(axis, other) and (
        spec.shape[axis] == spec.shape[other] > 1)  # fmt: skip


# ---- the file


def _shifted(values: np.ndarray, spec: WeightSpec, rng: Rng) -> tuple[np.ndarray, str]:
    """Some floats too many or too few, made up for at the end."""
    count = int(rng.choice([1, 2, 3, 5, 10])) * int(rng.choice([-1, 1]))
    head, tail = values[: spec.offset], values[spec.offset :]
    moved = np.concatenate([rng.standard_normal(count).astype(np.float32), tail])[: tail.size] if count > 0 else (
        np.concatenate([tail[-count:], np.zeros(min(-count, tail.size), np.float32)])[: tail.size])  # fmt: skip
    return np.concatenate([head, moved]), f"{count:+} floats before {spec.letter}"


def _missing(values: np.ndarray, spec: WeightSpec, rng: Rng) -> tuple[np.ndarray, str]:
    without = np.delete(values, slice(spec.offset, spec.offset + spec.count))
    return without, f"{spec.letter} {list(spec.shape)} left out"


def _extra(values: np.ndarray, spec: WeightSpec, rng: Rng) -> tuple[np.ndarray, str]:
    count = int(rng.choice([1, 8, 16, 32, spec.count]))
    more = rng.standard_normal(count).astype(np.float32)
    return np.insert(values, spec.offset, more), f"{count} floats more before {spec.letter}"


def _other_type(values: np.ndarray, spec: WeightSpec, rng: Rng) -> tuple[np.ndarray, str]:
    """One tensor written as f16 or f64: half or twice the bytes, what follows is moved."""
    word = str(rng.choice(["float16", "float64"]))
    raw = values[spec.offset : spec.offset + spec.count].astype(word).tobytes()
    bits = np.frombuffer(raw[: len(raw) // 4 * 4], np.float32)
    return np.concatenate([values[: spec.offset], bits, values[spec.offset + spec.count :]]), f"{spec.letter} as {word}"


file_fault("file shifted", _shifted)
file_fault("tensor missing", _missing)
file_fault("tensor extra", _extra)
file_fault("wrong type", _other_type)


def _swap(site: Site, rng: Rng) -> Plant | None:
    """A tensor exchanged with one of the same shape that a later line reads."""
    own = [s for s in site.plan.stored if s.node.index == site.node.index]
    later = [s for s in site.plan.stored if s.node.index > site.node.index]
    pairs = [(a, b) for a in own for b in later if (a.shape, a.letter) == (b.shape, b.letter)]
    if not pairs:
        return None
    a, b = pairs[int(rng.integers(len(pairs)))]
    values = site.values.copy()
    first, second = slice(a.offset, a.offset + a.count), slice(b.offset, b.offset + b.count)
    values[first], values[second] = site.values[second], site.values[first]
    return Plant(site.node, f"{a.letter} {list(a.shape)} and line {b.node.where.line}'s", values=values)


register(Kind("tensors swapped", WEIGHTS, lambda graph, node, specs: bool(specs), _swap))


def _exchange(name: str, first: str, second: str) -> None:
    """A kind that exchanges two letters of a line."""

    def plant(site: Site, rng: Rng) -> Plant:
        by_letter = {s.letter: s for s in site.plan.stored if s.node.index == site.node.index}
        a, b = by_letter[first], by_letter[second]
        values = site.values.copy()
        values[a.offset : a.offset + a.count] = site.values[b.offset : b.offset + b.count]
        values[b.offset : b.offset + b.count] = site.values[a.offset : a.offset + a.count]
        return Plant(site.node, f"{first} and {second}", values=values)

    register(Kind(name, WEIGHTS, lambda g, node, specs: {first, second} <= {s.letter for s in specs}, plant))


_exchange("gamma and beta swapped", "r", "b")
_exchange("mean and variance swapped", "m", "v")

# ---- one tensor


def _byteswapped(w: np.ndarray, rng: Rng) -> np.ndarray:
    return np.ascontiguousarray(w).byteswap()


def _one_wrong(w: np.ndarray, rng: Rng) -> np.ndarray:
    w = w.copy().reshape(-1)
    w[int(rng.integers(w.size))] = 10 * max(float(np.abs(w).max()), 0.1)
    return w


tensor_fault("kernel transposed", kernel, lambda w, rng: np.swapaxes(w, 0, 1))
tensor_fault("kernel channels last", taps, lambda w, rng: np.moveaxis(w, 1, -1))
tensor_fault("kernel sides transposed", square(2, 3), lambda w, rng: np.swapaxes(w, 2, 3))
tensor_fault("kernel flipped", taps, lambda w, rng: np.flip(w, tuple(range(2, w.ndim))))
tensor_fault("bytes swapped", lambda node, spec: True, _byteswapped)
tensor_fault("tensor zeroed", lambda node, spec: True, lambda w, rng: np.zeros_like(w))
tensor_fault("one value wrong", lambda node, spec: True, _one_wrong)
tensor_fault("tensor scaled", lambda node, spec: True, lambda w, rng: w * rng.choice([0.5, 2.0, 255.0, 1 / 255]))

# ---- batch norm


def _folded(site: Site, twice: bool) -> Plant | None:
    """The line's kernel and bias with its batch norm not folded in (the bias is beta), or folded in twice."""
    raw = _as_trained(site)
    if raw is None:
        return None
    by_letter = {s.letter: s for s in site.plan.stored if s.node.index == site.node.index}
    values = site.values.copy()
    w, a = (values[by_letter[c].offset : by_letter[c].offset + by_letter[c].count] for c in "wa")
    folded, kernel = (x.reshape(a.size, -1) for x in (w, raw["w"]))
    # The norm's gain by its kernels: a line with folded weights does not say the eps.
    gain = (folded * kernel).sum(1) / np.maximum((kernel * kernel).sum(1), 1e-30)
    if np.allclose(gain, gain[0]):
        return None  # a batch norm that was folded before training: all that is left of it is one factor
    if twice:
        folded *= gain[:, None]
        a[:] = a * gain + raw["b"] - raw["m"] * gain
    else:
        w[:], a[:] = raw["w"], raw["b"]
    return Plant(site.node, "w and a", values=values)


def _as_trained(site: Site) -> dict[str, np.ndarray] | None:
    """The batch norm that a line's weights have folded in, as a config that asks for it is given it."""
    session, document = site.session, Document(site.session.document.text, site.graph.file)
    document.set_key(site.node.entry, "weight_order", "warbmv" if "bias" in _sources(site) else "wrbmv")
    other = Session(session.model, session.example, document, session.params)
    other.original = session.original
    try:
        rows = other.weights().ledger.rows
        found = other.weights().values
    except WorkbenchError:
        return None
    where = str(site.node.where)
    raw = {r.letter: found[r.offset : r.offset + r.count] for r in rows if r.where == where}
    return raw if "v" in raw else None


def _sources(site: Site) -> str:
    where = str(site.node.where)
    return " ".join(row.source for row in site.session.weights().ledger.rows if row.where == where)


def _may_be_folded(graph: Graph, node: Node, specs: list[WeightSpec]) -> bool:
    return node.tag in ("conv1d", "conv2d") and {s.letter for s in specs} == {"w", "a"}


register(Kind("batch norm not folded", WEIGHTS, _may_be_folded, lambda site, rng: _folded(site, False)))
register(Kind("batch norm folded twice", WEIGHTS, _may_be_folded, lambda site, rng: _folded(site, True)))

# ---- what has no name: no cause may be claimed for these


def several(node: Node, spec: WeightSpec) -> bool:
    """At least four outputs and three inputs, so that a rearrangement is one of many and a channel not the whole."""
    return kernel(node, spec) and spec.shape[0] >= 4 and spec.shape[1] >= 3


def _rank_one(w: np.ndarray, rng: Rng) -> np.ndarray:
    flat = w.reshape(w.shape[0], -1)
    return flat + 0.3 * w.std() * np.outer(rng.standard_normal(len(flat)), rng.standard_normal(flat.shape[1]))


def _one_channel(change: Callable[[np.ndarray, Rng], np.ndarray]) -> Change:
    def changed(w: np.ndarray, rng: Rng) -> np.ndarray:
        w, i = w.copy(), int(rng.integers(len(w)))
        w[i] = change(w[i], rng)
        return w

    return changed


def _two_values(w: np.ndarray, rng: Rng) -> np.ndarray:
    flat = w.reshape(-1).copy()
    i, j = rng.choice(flat.size, 2, replace=False)
    flat[[i, j]] = flat[[j, i]]
    return flat


def _four_bits(w: np.ndarray, rng: Rng) -> np.ndarray:
    step = np.abs(w).max() / 7
    return np.round(w / step) * step


def _pruned(w: np.ndarray, rng: Rng) -> np.ndarray:
    return np.where(np.abs(w) < np.median(np.abs(w)), 0, w)


def _one_input_ignored(w: np.ndarray, rng: Rng) -> np.ndarray:
    w = w.copy()
    w[:, int(rng.integers(w.shape[1]))] = 0
    return w


def _half_redrawn(w: np.ndarray, rng: Rng) -> np.ndarray:
    w, chosen = w.copy(), rng.permutation(len(w))[: len(w) // 2]
    w[chosen] = w.std() * rng.standard_normal(w[chosen].shape)
    return w


for _name, _change in {
    "noise": lambda w, rng: w + 0.1 * w.std() * rng.standard_normal(w.shape),
    "output channels permuted": lambda w, rng: w[np.roll(rng.permutation(len(w)), 1)],
    "output channels rotated": lambda w, rng: np.roll(w, int(rng.integers(2, len(w) - 1)), 0),
    "one channel zeroed": _one_channel(lambda c, rng: np.zeros_like(c)),
    "one channel negated": _one_channel(lambda c, rng: -c),
    "one channel redrawn": _one_channel(lambda c, rng: c.std() * rng.standard_normal(c.shape)),
    "rank-one perturbation": _rank_one,
    "another seed": lambda w, rng: w.mean() + w.std() * rng.standard_normal(w.shape),
    "values shuffled": lambda w, rng: rng.permutation(w.reshape(-1)),
    "values sorted": lambda w, rng: np.sort(w.reshape(-1)),
    "two values exchanged": _two_values,
    "four bits": _four_bits,
    "pruned": _pruned,
    "clipped": lambda w, rng: np.clip(w, -0.5 * np.abs(w).max(), 0.5 * np.abs(w).max()),
    "mean removed": lambda w, rng: w - w.mean(),
    "companded": lambda w, rng: np.sign(w) * np.abs(w) ** 1.1,
    "rectified": lambda w, rng: np.abs(w),
    "input channels permuted": lambda w, rng: w[:, np.roll(rng.permutation(w.shape[1]), 1)],
    "one input ignored": _one_input_ignored,
    "half the channels redrawn": _half_redrawn,
    "outliers doubled": lambda w, rng: np.where(np.abs(w - w.mean()) > w.std(), 2 * w, w),
}.items():
    tensor_fault(_name, several, _change, UNLISTED)
