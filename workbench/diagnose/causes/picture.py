"""Before the network: channel order, layout, mean and std, 1/255, the letterbox's border."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from workbench.diagnose.causes.numbers import text
from workbench.diagnose.scene import Scene
from workbench.diagnose.table import Edit, cause
from workbench.graph import Node


@cause("rgb_bgr", "channels reversed or not", "preproc")
def rgb_bgr(scene: Scene, node: Node) -> Iterator[Edit]:
    yield {"bgr": str(1 - node.layer.bgr)}  # type: ignore[attr-defined]


@cause("hwc_chw", "channels last or first", "preproc")
def hwc_chw(scene: Scene, node: Node) -> Iterator[Edit]:
    yield {"hwc": str(1 - node.layer.hwc)}  # type: ignore[attr-defined]


@cause("mean_std", "mean and std: the straight line through every channel's values (1/255 is a std of 255)", "preproc")
def mean_std(scene: Scene, node: Node) -> Iterator[Edit]:
    x, want = scene.tensors.get(node.inputs[0]), next(iter(scene.want.values()))
    layer = node.layer
    if x is None or want.ndim != 4 or 0 not in layer.pre_order:  # type: ignore[attr-defined]
        return
    x = x.transpose(0, 3, 1, 2) if layer.hwc else x  # type: ignore[attr-defined]
    x = x[:, ::-1] if layer.bgr else x  # type: ignore[attr-defined]
    top, bottom, left, right = layer.pads  # type: ignore[attr-defined]
    inner = want[:, :, top : want.shape[2] - bottom, left : want.shape[3] - right]
    if inner.shape != x.shape:
        return
    lines = [np.polyfit(x[:, c].reshape(-1).astype(np.float64), inner[:, c].reshape(-1).astype(np.float64), 1)
             for c in range(x.shape[1]) if np.ptp(x[:, c])]  # fmt: skip
    if len(lines) == x.shape[1] and all(abs(a) > 1e-12 for a, _ in lines):
        mean, std = [-b / a for a, b in lines], [1 / a for a, _ in lines]
        mean = [0.0 if abs(m) < 1e-3 else m for m in mean]
        for digits in (5, 6, 7):
            yield {k: ",".join(f"{v:.{digits}g}" for v in values) for k, values in (("mean", mean), ("std", std))}


@cause("pre_order", "normalising before padding, after it, and each step alone", "preproc")
def pre_order(scene: Scene, node: Node) -> Iterator[Edit]:
    yield from ({"pre_order": order} for order in ("0", "1", "0,1", "1,0"))


@cause("pad_border", "the border's value, and its sides exchanged or centred (letterbox)", "preproc")
def pad_border(scene: Scene, node: Node) -> Iterator[Edit]:
    yield from ({"pad_value": value} for value in ("0", "114", "128", "255"))
    top, bottom, left, right = node.layer.pad  # type: ignore[attr-defined]
    high, wide = top + bottom, left + right
    sides = [(bottom, top, right, left), (left, right, top, bottom), (0, high, 0, wide), (high, 0, wide, 0),
             (high // 2, high - high // 2, wide // 2, wide - wide // 2)]  # fmt: skip
    yield from ({"pad": text(s)} for s in sides)
