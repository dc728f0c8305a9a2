"""Arrangement: the order of axes, shapes and what fills a border."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations

from workbench.diagnose.causes.windows import text
from workbench.diagnose.scene import Scene
from workbench.diagnose.table import Edit, cause
from workbench.graph import Node


@cause("trans_order", "every order of up to five axes", "trans")
def trans_order(scene: Scene, node: Node) -> Iterator[Edit]:
    rank = len(scene.specs[node.inputs[0]].shape)
    now = tuple(node.layer.order)  # type: ignore[attr-defined]
    if rank <= 5:
        yield from ({"order": text(p)} for p in permutations(range(rank)) if p != now)


@cause("reshape_shape", "the original's shape", "reshape")
def reshape_shape(scene: Scene, node: Node) -> Iterator[Edit]:
    yield from ({"shape": text(want.shape)} for want in scene.want.values())


@cause("pad_value", "0, 1, -1, 114, -inf, and the usual modes of padding", "pad")
def pad_value(scene: Scene, node: Node) -> Iterator[Edit]:
    keys = type(node.layer).keys()
    for key in ("value", "pad_value", "constant"):
        if key in keys:
            for value in ("0", "1", "-1", "114", "-inf"):
                yield {key: value}
    if "mode" in keys:
        yield from ({"mode": mode} for mode in keys["mode"].among)


@cause("pixelshuffle_mode", "the other symbols of mode, and factors 2 to 4", "pixelshuffle", "window_partition")
def pixelshuffle_mode(scene: Scene, node: Node) -> Iterator[Edit]:
    keys = type(node.layer).keys()
    if "mode" in keys:
        yield from ({"mode": mode} for mode in keys["mode"].among)
    if "factor" in keys:
        yield from ({"factor": str(f)} for f in (2, 3, 4))


@cause("roll_shift", "the other direction", "roll")
def roll_shift(scene: Scene, node: Node) -> Iterator[Edit]:
    shift = getattr(node.layer, "shift", None)
    if shift is not None:
        values = shift if isinstance(shift, tuple) else (shift,)
        yield {"shift": text([-s for s in values])}
