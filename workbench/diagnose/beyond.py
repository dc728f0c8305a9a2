"""Causes that no key of the line could mend: another operator than the layer's, tried on the original's tensors.

Each yields what the original does, in words, and the tensor that this gives. They are tried where no edit explains the
line, and claimed where the tensor is the original's within what the verdict allows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from workbench.diagnose.scene import ADDED, REFUSALS, Scene
from workbench.engines.reference import evaluate_graph
from workbench.graph import Node
from workbench.layers import LAYERS

Other = tuple[str, np.ndarray]
Trial = Callable[[Scene, Node], Iterator[Other]]


class Beyond(NamedTuple):
    id: str
    tries: str
    trial: Trial
    tags: tuple[str, ...]


BEYOND: dict[str, Beyond] = {}


def beyond(id: str, tries: str, *tags: str) -> Callable[[Trial], Trial]:
    """Register a function that yields what the original may do instead of these layers."""

    def register(trial: Trial) -> Trial:
        BEYOND[id] = Beyond(id, tries, trial, tags)
        return trial

    return register


def others(scene: Scene) -> Iterator[tuple[str, str, np.ndarray]]:
    """(cause, what the original does, the tensor of the judged line that this gives)."""
    for cause in BEYOND.values():
        if scene.node.tag in cause.tags:
            try:
                yield from ((cause.id, text, values) for text, values in cause.trial(scene, scene.node))
            except (KeyError, *REFUSALS):
                continue


@beyond("nearest_rounding", "nearest neighbour by half-pixel centres (nearest-exact), aligned corners, or rounding up",
        "resize", "upsample")  # fmt: skip
def nearest_rounding(scene: Scene, node: Node) -> Iterator[Other]:
    x, size = scene.tensors[node.inputs[0]], scene.want[node.outputs[0]].shape[2:]
    if node.tag == "resize" and node.layer.mode != "nearest":  # type: ignore[attr-defined]
        return
    ways: dict[str, Callable[[np.ndarray, int, int], np.ndarray]] = {
        "by half-pixel centres (nearest-exact)": lambda i, n, to: np.floor((i + 0.5) * n / to),
        "with aligned corners": lambda i, n, to: np.round(i * (n - 1) / max(to - 1, 1)),
        "rounded to the nearest index, not down": lambda i, n, to: np.floor(i * n / to + 0.5),
        "rounded up": lambda i, n, to: np.ceil(i * n / to),
    }
    for text, way in ways.items():
        rows, columns = (np.clip(way(np.arange(to), n, to), 0, n - 1).astype(int)
                         for n, to in zip(x.shape[2:], size, strict=True))  # fmt: skip
        yield f"takes nearest neighbours {text}", x[:, :, rows][:, :, :, columns]


@beyond("crop_order", "masks that are enlarged before they are cut to their boxes, or after", "resize", "mask")
def crop_order(scene: Scene, node: Node) -> Iterator[Other]:
    if len(scene.nodes) < 2 or {scene.nodes[-2].tag, node.tag} != {"resize", "mask"}:
        return
    first, second = scene.nodes[-2:]
    mask = first if first.tag == "mask" else second
    given, want = scene.specs[first.inputs[0]].shape[-2:], next(iter(scene.want.values())).shape[-2:]
    factor = want[0] / given[0] if first is mask else given[0] / want[0]
    boxes = Node(ADDED, LAYERS["scale"].parse({"scale": f"{factor:.9g}"}), (mask.inputs[1],), ("~boxes",))
    middle = replace(second, inputs=first.inputs[:1], outputs=("~middle",))
    last = replace(first, inputs=("~middle",), outputs=node.outputs)
    if first is mask:
        last = replace(last, inputs=("~middle", "~boxes"))
    else:
        middle = replace(middle, inputs=(first.inputs[0], "~boxes"))
    graph = scene.graph_of((*scene.nodes[:-2], boxes, middle, last))
    feeds = {t: scene.tensors[t] for t in graph.inputs}
    what = "enlarges the masks and then cuts" if first is mask else "cuts the masks and then enlarges"
    yield f"{what} them, with boxes times {factor:g}", evaluate_graph(graph, {}, feeds, "f32")[node.outputs[0]]


@beyond("mask_cut_first", "instance masks that are cut to their boxes at the prototypes' size, and then enlarged",
        "instance_mask")  # fmt: skip
def mask_cut_first(scene: Scene, node: Node) -> Iterator[Other]:
    image, box, value, proto = (scene.tensors[t] for t in node.inputs)
    factor = node.layer.factor  # type: ignore[attr-defined]
    logits = np.einsum("dp,dphw->dhw", value, proto[image.astype(int)])
    h, w = logits.shape[1:]
    x1, y1, x2, y2 = (box / factor).T[..., None, None]
    row, column = np.arange(h)[:, None], np.arange(w)
    inside = (column >= x1) & (column < x2) & (row >= y1) & (row < y2)
    rows, columns = (_bilinear(n, n * factor) for n in (h, w))
    enlarged = rows @ np.where(inside, logits, 0) @ columns.T
    yield "cuts the masks to their boxes at the prototypes' size, before they are enlarged", enlarged > 0


def _bilinear(n: int, size: int) -> np.ndarray:
    """[size, n]: how much each element counts, between half-pixel centres."""
    at = np.clip((np.arange(size) + 0.5) * n / size - 0.5, 0, n - 1)
    return np.maximum(1 - np.abs(at[:, None] - np.arange(n)), 0)
