"""Sliding windows: kernel, stride, padding, dilation, groups, and how a pool counts."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np

from workbench.diagnose.causes.numbers import number, text
from workbench.diagnose.result import BEFORE
from workbench.diagnose.scene import REFUSALS, Scene
from workbench.diagnose.table import Edit, cause
from workbench.graph import Node
from workbench.layers.transposed import each

CONV = ("conv2d", "conv1d", "deconv2d", "deconv1d")
WINDOWS = (*CONV, "pool2d", "unfold")
LARGEST, MOST = 31, 100  # the largest kernel that is tried, and how many


def has(node: Node, key: str) -> bool:
    return key in set(type(node.layer).keys())


@cause("padding", "0 to 4 on all sides, one side more than the other, TensorFlow's same and valid", *WINDOWS)
def padding(scene: Scene, node: Node) -> Iterator[Edit]:
    layer: Any = node.layer
    explicit = {"pad_tf": "pad"} if getattr(layer, "pad_tf", "") else {}
    if has(node, "pad"):
        now = tuple(layer.pad)
        sides = [(p,) * len(now) for p in range(5)]
        if len(now) == 4:
            sides += [(a, b, a, b) for a, b in ((0, 1), (1, 0), (1, 2), (2, 1))]
            sides += [(a, a, b, b) for a in range(4) for b in range(4) if a != b]
        yield from ({"pad": text(s), **explicit} for s in sides if s != now or explicit)
    if has(node, "pad_tf"):
        yield from ({"pad_tf": word} for word in ("same", "valid") if word != layer.pad_tf)


@cause("stride", "1 to 4, equal or along one axis", *WINDOWS)
def stride(scene: Scene, node: Node) -> Iterator[Edit]:
    if has(node, "stride"):
        now = node.layer.stride  # type: ignore[attr-defined]
        yield from ({"stride": s} for s in ("1", "2", "3", "4", "1,2", "2,1") if s != text(now))


@cause("dilation", "1 to 4, as the line is padded and with the padding that keeps the size", *WINDOWS)
def dilation(scene: Scene, node: Node) -> Iterator[Edit]:
    if not has(node, "dilation"):
        return
    layer: Any = node.layer
    for d in (1, 2, 3, 4):
        yield {"dilation": str(d)}
        if node.tag in ("conv2d", "conv1d") and not getattr(layer, "pad_tf", ""):
            pads = {d * (k // 2) for k in each(layer.kernel)}
            if len(pads) == 1:
                yield {"dilation": str(d), "pad": str(*pads)}


@cause("kernel", "sizes of the model's own kernels; of a pool every h,w up to 31 that gives the original's size; 1 to "
       "7 with the padding that keeps the size", *WINDOWS)  # fmt: skip
def kernel(scene: Scene, node: Node) -> Iterator[Edit]:
    if not has(node, "kernel"):
        return
    yield from ({"kernel": text(hw)} for hw in (_weights(scene, node) if node.tag in CONV else _windows(scene, node)))
    for k in (1, 3, 5, 7, 2, 4, 6):
        yield {"kernel": str(k)}
        if has(node, "pad"):
            yield {"kernel": str(k), "pad": str(k // 2)}


def _weights(scene: Scene, node: Node) -> list[tuple[int, ...]]:
    """Sizes of the kernels that the model has."""
    axes = len(each(node.layer.kernel))  # type: ignore[attr-defined]
    shapes = [tuple(t.shape) for t in scene.original.model.state_dict().values()]
    return list(dict.fromkeys(shape[2:] for shape in shapes if len(shape) == 2 + axes))


def _windows(scene: Scene, node: Node) -> list[tuple[int, ...]]:
    """Kernels that fit the original's size, square ones first and then those nearest to the line's own."""
    now = each(node.layer.kernel)  # type: ignore[attr-defined]
    sides = product(*(_fitting(scene, node, axis) for axis in range(len(now))))
    far = sorted(sides, key=lambda hw: (len(set(hw)), sum(abs(a - b) for a, b in zip(hw, now, strict=True))))
    return far[:MOST]


def _fitting(scene: Scene, node: Node, axis: int) -> list[int]:
    """Kernels of one axis with which the line gives the original's size there."""
    want, found = scene.want[node.outputs[0]], []
    for k in range(1, LARGEST + 1):
        kernel = [*each(node.layer.kernel)]  # type: ignore[attr-defined]
        kernel[axis] = k
        try:
            layer = scene.edited(node, {"kernel": text(kernel)})[-1].layer
            given = layer.infer(*(scene.specs[t] for t in node.inputs))[0].shape
        except REFUSALS:
            continue
        if given[2 + axis] == want.shape[2 + axis]:
            found.append(k)
    return found


@cause("output_pad", "0 and every value below the stride", "deconv2d", "deconv1d")
def output_pad(scene: Scene, node: Node) -> Iterator[Edit]:
    yield from ({"output_pad": str(p)} for p in range(max(*each(node.layer.stride), 1)))  # type: ignore[attr-defined]


@cause("channel", "the original's number of output channels or features", *CONV, "dense")
def channel(scene: Scene, node: Node) -> Iterator[Edit]:
    for want in scene.want.values():
        if node.tag == "dense":
            yield {"hidden": str(want.shape[-1])}
        elif want.ndim > 1:
            yield {"channel": str(want.shape[1])}


@cause("group", "1, one group per channel, and powers of 2", *CONV)
def group(scene: Scene, node: Node) -> Iterator[Edit]:
    if has(node, "group"):
        channels = scene.specs[node.inputs[0]].shape[1]
        yield from ({"group": str(g)} for g in dict.fromkeys((1, channels, 2, 4, 8, 16, 32)) if channels % g == 0)


@cause("layer_scale", "scale=1, the ratio to the original where the activation lets factors through, usual factors",
       *CONV)  # fmt: skip
def scale(scene: Scene, node: Node) -> Iterator[Edit]:
    if has(node, "scale"):
        if node is scene.node and node.act.name in ("identity", "linear", "relu", "leaky"):
            ours, want = (np.asarray(t, np.float64).reshape(-1) for t in (
                scene.values((node,))[node.outputs[0]], scene.want[node.outputs[0]]))  # fmt: skip
            ratio = np.dot(ours, want) / np.dot(ours, ours)
            yield {"scale": number(node.layer.scale * ratio)}  # type: ignore[attr-defined]
        yield from ({"scale": s} for s in ("1", "0.5", "2", "0.1", "0.2"))


@cause("pool_mode", "maximum against mean, over windows or the whole map", "pool2d")
def pool_mode(scene: Scene, node: Node) -> Iterator[Edit]:
    yield from ({"mode": m} for m in ("max", "avg", "adapavg", "adapmax"))


@cause("ceil_mode", "0 against 1", "pool2d")
def ceil_mode(scene: Scene, node: Node) -> Iterator[Edit]:
    yield {"ceil_mode": str(1 - node.layer.ceil_mode)}  # type: ignore[attr-defined]


@cause("count_include_pad", "whether a mean counts the padding", "pool2d")
def count_include_pad(scene: Scene, node: Node) -> Iterator[Edit]:
    yield {"count_include_pad": str(1 - node.layer.count_include_pad)}  # type: ignore[attr-defined]


@cause("output_size", "the original's size", "pool2d")
def output_size(scene: Scene, node: Node) -> Iterator[Edit]:
    for want in scene.want.values():
        if want.ndim == 4:
            yield {"output_size": text(want.shape[2:])}


@cause("zero_padding", "zeros around the input before the maximum is taken, as a [pad] line does, not -inf", "pool2d")
def zero_padding(scene: Scene, node: Node) -> Iterator[Edit]:
    pads = node.layer.pad  # type: ignore[attr-defined]
    if node.layer.maximum and any(pads):  # type: ignore[attr-defined]
        yield {BEFORE: f"pad pad={text(pads)}", "pad": "0"}
