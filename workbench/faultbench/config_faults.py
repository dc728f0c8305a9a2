"""Faults in a line's keys: a table of what is mistaken for what, key by key."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from workbench.faultbench.kinds import CONFIG, Kind, Plant, Site, register
from workbench.faultbench.mistakes import (
    Rule,
    activations,
    axes,
    epsilons,
    flip,
    more_or_less,
    moved,
    negated,
    neighbours,
    norm_axes,
    off_by_one,
    one_or_two,
    other_anchors,
    other_side,
    regrouped,
    reshaped,
    reversed_list,
    swapped_pairs,
    symbol,
    text,
    tf_same,
    times,
    values,
    words,
)
from workbench.graph import Graph, Node
from workbench.layers.base import Floats, Ints, Pads, Pair
from workbench.weights.spec import WeightSpec


class Row(NamedTuple):
    """A kind of fault: in lines of these layers (none: all) the key's value becomes one that the rule gives."""

    kind: str
    tags: str
    key: str
    rule: Rule
    only: Callable[[Node], bool] = lambda node: True


CONVS = "conv1d conv2d deconv1d deconv2d"
FITTED = f"{CONVS} dense"

ROWS = [
    Row("activation dropped", "", "act", lambda g, n, v: [] if v in ("identity", "linear") else ["identity"]),
    Row("activation changed", "", "act", activations),
    Row("activation added", FITTED, "act", lambda g, n, v: ["relu", "silu"] if v in ("identity", "linear") else []),
    Row("gelu form", "", "act", words("gelu gelu2")),
    Row("activation alpha", "", "act_alpha", values(0.01, 0.1, 0.2, 1.0), lambda n: n.act.name in ("leaky", "elu")),
    Row("batch norm eps", f"{CONVS} bn", "bn_eps", epsilons),
    Row("pad", f"{CONVS} pool2d", "pad", more_or_less),
    Row("pad asymmetric", f"{CONVS} pool2d", "pad", moved),
    Row("pad as TensorFlow", f"{CONVS} pool2d", "pad_tf", tf_same),
    Row("stride", f"{CONVS} pool2d", "stride", one_or_two),
    Row("dilation", f"{CONVS} pool2d", "dilation", one_or_two, lambda n: n.layer.kernel not in ((1, 1), 1)),  # type: ignore[attr-defined]
    Row("group", CONVS, "group", regrouped),
    Row("output pad", "deconv1d deconv2d", "output_pad", flip),
    Row("conv scale", "conv1d conv2d", "scale", values(0.5, 2.0)),
    Row("pool mode", "pool2d", "mode", words("max avg", "adapavg adapmax")),
    Row("pool kernel", "pool2d", "kernel", more_or_less),
    Row("ceil mode", "pool2d", "ceil_mode", flip),
    Row("count include pad", "pool2d", "count_include_pad", flip, lambda n: n.layer.mode == "avg"),  # type: ignore[attr-defined]
    Row("corner align", "resize", "corner_align", flip),
    Row("resize mode", "resize", "mode", symbol),
    Row("resize size", "resize", "size", neighbours),
    Row("concat axis", "concat", "axis", axes),
    Row("chunk axis", "chunk split", "axis", axes),
    Row("slice start", "slice", "start", off_by_one),
    Row("slice stride", "slice", "stride", lambda g, n, v: [[1] * len(v)] if max(v, default=1) > 1 else []),
    Row("transpose order", "trans", "order", neighbours),
    Row("reshape order", "reshape", "shape", reshaped),
    Row("softmax axis", "softmax", "axis", axes),
    Row("norm eps", "norm", "eps", epsilons),
    Row("norm axis", "norm", "axis", norm_axes, lambda n: n.layer.mode not in ("instance", "group")),  # type: ignore[attr-defined]
    Row("norm groups", "norm", "group", regrouped),
    Row("eltwise mode", "eltwise", "mode", words("add sub mul max", "min max", "mul div")),
    Row("eltwise scale", "eltwise", "scale", values(0.5, 2.0), lambda n: n.layer.mode in ("add", "sum")),  # type: ignore[attr-defined]
    Row("scale factor", "scale", "scale", times(2.0, 0.5)),
    Row("scale shift", "scale", "shift", times(-1.0, 2.0)),
    Row("attention heads", "attention", "head", lambda g, n, v: [v * 2, *([v // 2] if v > 1 else [])]),
    Row("attention scale", "attention", "scale", values(1.0)),
    Row("preproc channel order", "preproc", "bgr", flip),
    Row("preproc mean", "preproc", "mean", lambda g, n, v: [*reversed_list(g, n, v), 0, 127.5]),
    Row("preproc std", "preproc", "std", lambda g, n, v: [*reversed_list(g, n, v), *({1, 255} - set(v))]),
    Row("preproc mean and std by 255", "preproc", "std", times(1 / 255)),
    Row("preproc layout", "preproc", "hwc", flip),
    Row("preproc pad", "preproc", "pad", other_side),
    Row("preproc pad value", "preproc", "pad_value", values(0, 128), lambda n: any(n.layer.pads)),  # type: ignore[attr-defined]
    Row("preproc step order", "preproc", "pre_order", reversed_list),
    Row("box stride", "yolo", "stride", lambda g, n, v: [v * 2, v // 2]),
    Row("anchor order", "yolo", "anchor", other_anchors),
    Row("anchor sides", "yolo", "anchor", swapped_pairs),
    Row("box type", "dist2bbox nms", "bbox_type", words("xyxy xywh")),
    Row("reduce mode", "reduce", "mode", words("mean sum max", "min max")),
    Row("matmul transposed", "matmul", "trans_b", flip),
    Row("clamp bounds", "clamp", "value", lambda g, n, v: [(0, v[1]), (v[0], v[1] * 2)]),
    Row("roll direction", "roll", "shift", negated),
    Row("pad mode", "pad", "mode", symbol),
    Row("pad sides", "pad", "pad", neighbours),
    Row("LSTM direction", "lstm", "direction", words("unidirection bidirection")),
]  # fmt: skip


def current(node: Node, key: str) -> Any:
    """The key's value as the line has it."""
    if key == "act":
        return node.act.name
    return node.act.alpha if key == "act_alpha" else getattr(node.layer, key)


def alternatives(row: Row, graph: Graph, node: Node) -> list[dict[str, str]]:
    """The keys that the fault may give the line."""
    if (row.tags and node.tag not in row.tags.split()) or not row.only(node):
        return []
    value = current(node, row.key)
    return [{row.key: other} for v in row.rule(graph, node, value) if (other := text(v)) != text(value)]


# ---- faults in a line's inputs and outputs


def other_order(graph: Graph, node: Node) -> list[dict[str, str]]:
    """Two neighbouring inputs exchanged, where order matters."""
    if node.tag not in ("concat", "matmul", "attention") and getattr(node.layer, "mode", "") not in ("sub", "div"):
        return []
    return [{"input": text(other)} for other in _exchanged(node.inputs)]


def other_input(graph: Graph, node: Node) -> list[dict[str, str]]:
    """Another earlier tensor of the same shape and type in the place of one input; the six nearest."""
    found = []
    for i, name in enumerate(node.inputs):
        earlier = [t for n in graph.nodes[: node.index] for t in n.outputs if t not in node.inputs]
        fits = [t for t in earlier if graph.specs[t] == graph.specs[name] and "~" not in t]
        found += [{"input": text([*node.inputs[:i], t, *node.inputs[i + 1 :]])} for t in fits[-6:]]
    return found


def _exchanged(names: Sequence[str]) -> Iterable[list[str]]:
    for i in range(len(names) - 1):
        other = list(names)
        other[i], other[i + 1] = other[i + 1], other[i]
        if other != list(names):
            yield other


def other_key(graph: Graph, node: Node) -> list[dict[str, str]]:
    """Keys that the table leaves out: one more, twice as much, or another word."""
    told = {row.key for row in ROWS if not row.tags or node.tag in row.tags.split()}
    found: list[dict[str, str]] = []
    for name, key in type(node.layer).keys().items():
        value = getattr(node.layer, name)
        if name in told or name in ("weight_order", "arg", "opt_shape", "min_shape", "max_shape"):
            continue
        if key.among:
            found += [{name: word} for word in key.among if word not in ("", value)]
        elif key.type is float:
            found += [{name: text(value * 2)}] * bool(value)
        elif key.type in (int, Ints, Floats, Pair, Pads):
            changed = [v + 1 for v in np.atleast_1d(value).tolist()]
            found += [{name: text(changed)}] * bool(changed)
    return found


def swapped_outputs(graph: Graph, node: Node) -> list[dict[str, str]]:
    """The names of two neighbouring pieces exchanged."""
    if node.tag not in ("chunk", "split") or any(t.startswith(node.tag) for t in node.outputs):
        return []
    return [{"refname": text(other)} for other in _exchanged(node.outputs)]


def first_reader(graph: Graph, node: Node, edits: dict[str, str]) -> Node:
    """A piece itself stays what it was under another name: the first line that reads it is the first that is wrong."""
    moved = {a for a, b in zip(node.outputs, edits["refname"].split(","), strict=True) if a != b}
    return next((n for n in graph.nodes[node.index + 1 :] if moved & set(n.inputs)), node)


def _register(name: str, options: Callable[[Graph, Node], list[dict[str, str]]], shows: Any = None) -> None:
    def fits(graph: Graph, node: Node, specs: list[WeightSpec]) -> bool:
        return node.tag != "input" and bool(options(graph, node))

    def plant(site: Site, rng: np.random.Generator) -> Plant:
        choices = options(site.graph, site.node)
        edits = choices[int(rng.integers(len(choices)))]
        what = " ".join(f"{key}={value}" for key, value in edits.items())
        node = shows(site.graph, site.node, edits) if shows else site.node
        return Plant(node, what, edits, site.node.entry)

    register(Kind(name, CONFIG, fits, plant))


for _row in ROWS:
    _register(_row.kind, partial(alternatives, _row))
_register("input order", other_order)
_register("wrong input", other_input)
_register("outputs exchanged", swapped_outputs, first_reader)
_register("another key", other_key)
