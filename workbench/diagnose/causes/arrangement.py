"""Arrangement: the order of axes, shapes and what fills a border."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations, product

from workbench.diagnose.causes.numbers import text
from workbench.diagnose.scene import Scene
from workbench.diagnose.table import Edit, cause
from workbench.graph import Node

MOST = 24  # rows and columns of padding whose shares are tried


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


@cause("pad_sides", "every share of what the original's size has more, before and after each axis", "pad")
def pad_sides(scene: Scene, node: Node) -> Iterator[Edit]:
    given, want = scene.specs[node.inputs[0]], next(iter(scene.want.values()))
    axes = [axis for axis, *_ in node.layer.pads(given)]  # type: ignore[attr-defined]
    more = [want.shape[axis] - given.shape[axis] for axis in axes]
    if sum(more) <= MOST and min(more) >= 0:
        shares = product(*([(n - after, after) for after in range(n + 1)] for n in more))
        evenly = sorted(shares, key=lambda sides: sum(abs(before - after) for before, after in sides))
        yield from ({"pad": _spelled([p for side in sides for p in side])} for sides in evenly)


def _spelled(pads: list[int]) -> str:
    """One value for every axis where both its sides are alike."""
    return text(pads[::2] if pads[::2] == pads[1::2] else pads)


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
