"""Layers that resample, reduce or combine values: resize, softmax, reduce, attention, eltwise, scale, matmul."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import combinations

import numpy as np

from workbench.diagnose.causes.numbers import number, numbers, text
from workbench.diagnose.causes.windows import has
from workbench.diagnose.scene import Scene
from workbench.diagnose.table import Edit, cause
from workbench.graph import Node


@cause("resize_mode", "nearest, bilinear and bicubic", "resize")
def resize_mode(scene: Scene, node: Node) -> Iterator[Edit]:
    for mode in ("nearest", "bilinear", "bicubic"):
        yield {"mode": mode} | ({"corner_align": "0"} if mode == "nearest" else {})


@cause("corner_align", "corners aligned against half-pixel centres", "resize")
def corner_align(scene: Scene, node: Node) -> Iterator[Edit]:
    yield {"corner_align": str(1 - node.layer.corner_align)}  # type: ignore[attr-defined]


@cause("resize_size", "the original's size, and whole factors", "resize", "upsample")
def resize_size(scene: Scene, node: Node) -> Iterator[Edit]:
    for want in scene.want.values():
        if node.tag == "resize" and want.ndim == 4:
            yield {"size": text(want.shape[2:]), "factor": None}
    yield from ({"factor": str(f)} for f in (2, 3, 4, 8))


@cause("softmax_axis", "every axis", "softmax")
def softmax_axis(scene: Scene, node: Node) -> Iterator[Edit]:
    yield from _axes(scene, node)


@cause("argmax_axis", "every axis", "argmax", "topk", "sortk")
def argmax_axis(scene: Scene, node: Node) -> Iterator[Edit]:
    if has(node, "axis"):
        yield from _axes(scene, node)


def _axes(scene: Scene, node: Node) -> Iterator[Edit]:
    yield from ({"axis": str(axis)} for axis in range(len(scene.specs[node.inputs[0]].shape)))


@cause("reduce_axis", "every one or two axes, with and without keepdim", "reduce")
def reduce_axis(scene: Scene, node: Node) -> Iterator[Edit]:
    rank = len(scene.specs[node.inputs[0]].shape)
    for axes in (*combinations(range(rank), 1), *combinations(range(rank), 2)):
        yield {"axis": text(axes)}
    yield {"keepdim": str(1 - node.layer.keepdim)}  # type: ignore[attr-defined]


@cause("reduce_mode", "sum, mean, max, min, product", "reduce")
def reduce_mode(scene: Scene, node: Node) -> Iterator[Edit]:
    yield from ({"mode": mode} for mode in ("mean", "sum", "max", "min", "prod"))


@cause("attention_scale", "1/sqrt(d), 1, and 1/sqrt of all features", "attention")
def attention_scale(scene: Scene, node: Node) -> Iterator[Edit]:
    features = scene.specs[node.inputs[0]].shape[-1]
    yield from ({"scale": s} for s in ("0", "1", f"{1 / math.sqrt(features):.9g}", f"{1 / features:.9g}"))


@cause("attention_heads", "1 to 16 heads", "attention")
def attention_heads(scene: Scene, node: Node) -> Iterator[Edit]:
    yield from ({"head": str(h)} for h in (1, 2, 3, 4, 6, 8, 12, 16))


@cause("eltwise_mode", "sum, difference, product, quotient, maximum and minimum", "eltwise")
def eltwise_mode(scene: Scene, node: Node) -> Iterator[Edit]:
    same = ("add", "sum") if node.layer.mode in ("add", "sum") else (node.layer.mode,)  # type: ignore[attr-defined]
    for mode in ("add", "mul", "sub", "div", "max", "min", "pow"):
        if mode in same:
            continue
        yield {"mode": mode} | ({"scale": "1"} if node.layer.scaled else {})  # type: ignore[attr-defined]


@cause("eltwise_scale", "factors of the inputs: the least squares of what the original has", "eltwise")
def eltwise_scale(scene: Scene, node: Node) -> Iterator[Edit]:
    yield {"scale": "1"}
    want = next(iter(scene.want.values()))
    x = [scene.tensors.get(t) for t in node.inputs]
    if all(t is not None and t.shape == want.shape for t in x):
        columns = np.stack([np.asarray(t, np.float64).reshape(-1) for t in x if t is not None], 1)
        yield {"scale": numbers(np.linalg.lstsq(columns, want.reshape(-1), rcond=None)[0])}


@cause("scale_shift", "factor and shift: the straight line through the original's values, and usual powers", "scale")
def scale_shift(scene: Scene, node: Node) -> Iterator[Edit]:
    x, want = scene.tensors.get(node.inputs[0]), next(iter(scene.want.values()))
    if x is not None and x.size == want.size:
        line = np.polyfit(np.asarray(x, np.float64).reshape(-1), want.reshape(-1).astype(np.float64), 1)
        factor, shift = map(number, line)
        yield from ({"scale": factor}, {"shift": shift}, {"scale": factor, "shift": shift})
    yield from ({"power": p} for p in ("1", "2", "0.5", "-0.5", "-1"))


@cause("clamp_bounds", "the least and the largest value that the original has", "clamp")
def clamp_bounds(scene: Scene, node: Node) -> Iterator[Edit]:
    low, high = node.layer.value  # type: ignore[attr-defined]
    least, most = (number(float(f(next(iter(scene.want.values()))))) for f in (np.min, np.max))
    yield from ({"value": text(pair)} for pair in ((least, f"{high:g}"), (f"{low:g}", most), (least, most)))


@cause("lstm_keys", "one and both directions, 1 to 4 layers, the original's number of features", "lstm")
def lstm_keys(scene: Scene, node: Node) -> Iterator[Edit]:
    features = next(iter(scene.want.values())).shape[-1]
    for direction, share in (("unidirection", 1), ("bidirection", 2)):
        yield {"direction": direction}
        yield {"direction": direction, "hiddens": str(features // share)}
    yield from ({"layer_counts": str(n)} for n in (1, 2, 3, 4))


@cause("matmul_transposed", "either matrix transposed or not", "matmul")
def matmul_transposed(scene: Scene, node: Node) -> Iterator[Edit]:
    yield from ({"trans_a": a, "trans_b": b} for a in "01" for b in "01")
