"""Which of several corrections is claimed: the simplest of those that explain the line equally well.

1. Fit. Errors that rounding alone may tell apart are equal: up to max(K * the least error, 1 ulp), K being the
   verdict's (compare.verdict). What fits worse is dropped.
2. Fewest changes. A number or word of a key that changes is one, an input that is another is one, and so is each
   tensor that the line reads from the weights file more or less than before. A list counts the numbers that change,
   or those it is written with where that is shorter (pad=1).
3. Shortest line. Of equally many changes, the corrected line that has the fewest values other than defaults.

Where two causes are equal in all three, both are claimed. No cause is preferred for its name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from workbench.compare.verdict import ULP, K
from workbench.graph import Act, Node, TensorSpec
from workbench.layers.activation import ACTS
from workbench.layers.base import Floats, Pads, Pair

Simplicity = tuple[int, int]  # changes, length of the corrected line


def equally_good(least: float) -> float:
    """The largest error that is no worse than the least one."""
    return max(K * least, ULP["f32"])


def simplicity(old: Node, new: Sequence[Node], specs: Mapping[str, TensorSpec]) -> Simplicity:
    """Of a correction that puts the last of `new` in the place of `old`, and the others before it."""
    *added, node = new
    changed = _changed_keys(old, node) + _differing(old.inputs, node.inputs)
    changed += sum(old.source.get(letter) != node.source.get(letter) for letter in {*old.source, *node.source})
    changed += len(_read(old, specs) ^ _read(node, specs))
    return changed + sum(1 + _length(n) for n in added), _length(node) + sum(1 + _length(n) for n in added)


def written(value: Any) -> int:
    """How many values a config spells this one with: pad=1 stands for four."""
    if not isinstance(value, tuple):
        return 1
    if isinstance(value, Pads | Pair | Floats) and len(set(value)) == 1:
        return 1
    return 2 if isinstance(value, Pads) and value[0] == value[1] and value[2] == value[3] else len(value)


def _changed_keys(old: Node, node: Node) -> int:
    pairs = [(getattr(old.layer, name), getattr(node.layer, name)) for name in list(type(node.layer).keys())]
    pairs += zip(_act(old.act), _act(node.act), strict=True)
    return sum(_change(a, b) for a, b in pairs)


def _change(old: Any, new: Any) -> int:
    if old == new:
        return 0
    return min(_differing(old, new), written(new)) if isinstance(new, tuple) else 1


def _differing(old: Sequence[Any], new: Sequence[Any]) -> int:
    if len(old) != len(new):
        return max(len(old), len(new))
    return sum(a != b for a, b in zip(old, new, strict=True))


def _act(act: Act) -> tuple[str, float | None, float | None]:
    """The activation with its own defaults left out."""
    f = ACTS[act.name]
    return act.name, None if act.alpha == f.alpha else act.alpha, None if act.beta == f.beta else act.beta


def _read(node: Node, specs: Mapping[str, TensorSpec]) -> set[str]:
    known = [specs[t] for t in node.inputs if t in specs]
    return {letter for letter, _ in node.layer.weights(*known)} if len(known) == len(node.inputs) else set()


def _length(node: Node) -> int:
    """Values that the line is written with, defaults left out."""
    own = [getattr(node.layer, name) for name, key in type(node.layer).keys().items()
           if key.required or getattr(node.layer, name) != key.default]  # fmt: skip
    act = [value for value in _act(node.act) if value not in (None, "identity")]
    return sum(map(written, own)) + len(act) + len(node.source)
