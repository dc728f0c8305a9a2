"""Joining and cutting: the order of inputs, the axis, and cuts that are off by some elements."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations, product
from typing import Any

from workbench.diagnose.causes.numbers import text
from workbench.diagnose.scene import Scene
from workbench.diagnose.table import Edit, cause
from workbench.graph import Node


@cause("input_order", "the inputs in every other order (up to four; more: two of them exchanged)", "concat", "eltwise",
       "matmul", "attention", "dist2bbox", "nms_merge")  # fmt: skip
def input_order(scene: Scene, node: Node) -> Iterator[Edit]:
    names = node.inputs
    if node.tag == "eltwise" and node.layer.mode not in ("sub", "div", "pow", "floor", "mod", "remainder"):  # type: ignore[attr-defined]
        return
    if len(names) <= 4:
        orders = [p for p in permutations(names) if p != names]
    else:
        pairs = [(i, j) for i in range(len(names)) for j in range(i)]
        orders = [names[::-1], *(_exchanged(names, i, j) for i, j in pairs)]
    yield from ({"input": ",".join(order)} for order in orders)


def _exchanged(names: tuple[str, ...], i: int, j: int) -> tuple[str, ...]:
    out = list(names)
    out[i], out[j] = out[j], out[i]
    return tuple(out)


@cause("concat_axis", "every axis", "concat")
def concat_axis(scene: Scene, node: Node) -> Iterator[Edit]:
    yield from ({"axis": str(a)} for a in range(len(scene.specs[node.inputs[0]].shape)))


@cause("chunk_axis", "every axis", "chunk", "split")
def chunk_axis(scene: Scene, node: Node) -> Iterator[Edit]:
    yield from ({"axis": str(a)} for a in range(len(scene.specs[node.inputs[0]].shape)))


@cause("slice_start", "starts off by some elements, on each axis", "slice")
def slice_start(scene: Scene, node: Node) -> Iterator[Edit]:
    yield from _shifted(node, "start", (-1, 1, -2, 2))


@cause("slice_size", "sizes off by one or two, on each axis, and the original's own size", "slice")
def slice_size(scene: Scene, node: Node) -> Iterator[Edit]:
    given = scene.specs[node.inputs[0]]
    for want in scene.want.values():
        if [node.layer.size(a, n, given) for a, n in enumerate(given.shape)] != list(want.shape):  # type: ignore[attr-defined]
            yield {"shape": text(want.shape)}
            yield from ({"shape": text(want.shape), **edit} for edit in _shifted(node, "start", (-1, 1)))
    yield from _shifted(node, "shape", (-1, 1, -2, 2))


@cause("slice_stride", "steps of 1 to 4 on every axis alone, and of 1 and 2 on all of them together", "slice")
def slice_stride(scene: Scene, node: Node) -> Iterator[Edit]:
    now: tuple[int, ...] = node.layer.steps  # type: ignore[attr-defined]
    alone = [(*now[:i], step, *now[i + 1 :]) for i in range(len(now)) for step in (1, 2, 3, 4)]
    yield from ({"stride": text(steps)} for steps in dict.fromkeys([*alone, *product((1, 2), repeat=len(now))]))


def _shifted(node: Node, key: str, steps: tuple[int, ...]) -> Iterator[Edit]:
    """One number of a list at a time moved by each step."""
    layer: Any = node.layer
    values = list(getattr(layer, key))
    for axis, step in ((axis, step) for step in steps for axis in range(len(values))):
        moved = [v + step * (i == axis) for i, v in enumerate(values)]
        if key != "start" or moved[axis] >= 0 or values[axis] < 0:
            yield {key: text(moved)}
