"""What a key's right value is mistaken for: rules, each for many keys."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from workbench.graph import Graph, Node

Rule = Callable[[Graph, Node, Any], Iterable[Any]]  # the values that a key's right value is mistaken for


def text(value: Any) -> str:
    """A value as a config has it."""
    if isinstance(value, tuple | list):
        return ",".join(map(text, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def flip(graph: Graph, node: Node, value: int) -> Iterable[int]:
    return [1 - value] if value in (0, 1) else []


def symbol(graph: Graph, node: Node, value: str) -> Iterable[str]:
    """Any other mode of the layer."""
    return [word for word in type(node.layer).keys()["mode"].among if word not in ("", value)]


def words(*groups: str) -> Rule:
    """The other words of the group that the value is in."""
    return lambda graph, node, value: [w for group in groups if value in group.split() for w in group.split()
                                       if w != value]  # fmt: skip


def one_or_two(graph: Graph, node: Node, value: Any) -> Iterable[int]:
    return [1] if max(np.atleast_1d(value)) > 1 else [2]


def more_or_less(graph: Graph, node: Node, value: Any) -> Iterable[Any]:
    several = np.atleast_1d(value)
    return [text((several + step).tolist()) for step in (1, -1) if several.size and several.min() + step >= 0]


def moved(graph: Graph, node: Node, value: Any) -> Iterable[Any]:
    """The same padding in all, one less before and one more after."""
    pads = list(value)
    pads = [pads[0], pads[-1]] if len(pads) < 4 and node.tag.endswith("1d") else pads
    if min(pads[::2]) < 1:
        return []
    return [[n + (1 if i % 2 else -1) for i, n in enumerate(pads)]]


def tf_same(graph: Graph, node: Node, value: str) -> Iterable[str]:
    return [] if value or not any(node.layer.pad) else ["same"]  # type: ignore[attr-defined]


def axes(graph: Graph, node: Node, value: Any) -> Iterable[int]:
    """Every other axis after the batch."""
    rank = len(graph.specs[node.inputs[0]].shape)
    given = np.atleast_1d(value)
    return [a for a in range(1, rank) if len(given) == 1 and a != given[0] % rank]


def norm_axes(graph: Graph, node: Node, value: int) -> Iterable[int]:
    rank = len(graph.specs[node.inputs[0]].shape)
    return axes(graph, node, node.layer.channels(rank))  # type: ignore[attr-defined]


def neighbours(graph: Graph, node: Node, value: Sequence[Any]) -> Iterable[list[Any]]:
    """Two neighbours of the list exchanged, the batch's place aside."""
    first = 0 if node.tag in ("preproc", "yolo", "region", "nms_merge", "pad", "resize", "roll") else 1
    for i in range(first, len(value) - 1):
        other = list(value)
        other[i], other[i + 1] = other[i + 1], other[i]
        if other != list(value):
            yield other


def reversed_list(graph: Graph, node: Node, value: Sequence[Any]) -> Iterable[list[Any]]:
    return [list(value)[::-1]] if len(value) > 1 and list(value)[::-1] != list(value) else []


def times(*factors: float) -> Rule:
    return lambda graph, node, value: [[v * f for v in value] if isinstance(value, tuple) else value * f
                                       for f in factors if np.any(value)]  # fmt: skip


def values(*others: Any) -> Rule:
    return lambda graph, node, value: [other for other in others if text(other) != text(value)]


def regrouped(graph: Graph, node: Node, value: int) -> Iterable[int]:
    if node.tag == "norm":
        return [g for g in (value * 2, value // 2) if g and value]
    sizes = graph.specs[node.inputs[0]].shape[1], node.layer.channel  # type: ignore[attr-defined]
    return [1] if value > 1 else [2] * (sizes[0] % 2 == 0 and sizes[1] % 2 == 0)


def reshaped(graph: Graph, node: Node, value: Any) -> Iterable[list[int]]:
    """Two sizes after the batch exchanged."""
    sizes = list(graph.specs[node.outputs[0]].shape)
    return [] if min(sizes[1:], default=0) < 1 else neighbours(graph, node, sizes)


def off_by_one(graph: Graph, node: Node, value: Sequence[int]) -> Iterable[list[int]]:
    for i in range(1, len(value)):
        for step in (1, -1):
            if value[i] + step >= 0 and value[i] >= 0:
                yield [n + step * (i == j) for j, n in enumerate(value)]


def negated(graph: Graph, node: Node, value: Sequence[int]) -> Iterable[list[int]]:
    return [[-n for n in value]] if any(value) else []


def epsilons(graph: Graph, node: Node, value: float) -> Iterable[float]:
    if node.tag != "norm" and "v" not in node.layer.weight_order:  # type: ignore[attr-defined]
        return []
    right = getattr(node.layer, "epsilon", value)
    return [e for e in (1e-3, 1e-5, 1e-6) if e != right]


def swapped_pairs(graph: Graph, node: Node, value: Sequence[int]) -> Iterable[list[int]]:
    """w,h of every anchor as h,w."""
    return [[n for i in range(0, len(value), 2) for n in (value[i + 1], value[i])]] if value else []


def other_anchors(graph: Graph, node: Node, value: Sequence[int]) -> Iterable[list[int]]:
    pairs = [list(value[i : i + 2]) for i in range(0, len(value), 2)]
    return [[n for pair in pairs[::-1] for n in pair]] if len(pairs) > 1 else []


def other_side(graph: Graph, node: Node, value: Sequence[int]) -> Iterable[list[int]]:
    """A letterbox with its pads on the other side."""
    top, bottom, left, right = value
    return [[bottom, top, right, left]] if (top, left) != (bottom, right) else []


def activations(graph: Graph, node: Node, value: str) -> Iterable[str]:
    groups = ("relu relu6 silu leaky", "leaky elu relu", "silu mish hard_sigmoid", "sigmoid tanh hard_sigmoid",
              "gelu relu silu", "softplus relu", "gelu2 relu silu")  # fmt: skip
    return sorted({other for group in groups for other in words(group)(graph, node, value)})
