"""After the network: box format, strides and anchors, thresholds of suppression."""

from __future__ import annotations

from collections.abc import Iterator

from workbench.diagnose.causes.numbers import text
from workbench.diagnose.causes.windows import has
from workbench.diagnose.scene import Scene
from workbench.diagnose.table import Edit, cause
from workbench.graph import Node


@cause("box_format", "corners against centre and size", "dist2bbox", "nms", "nms_merge", "bnms")
def box_format(scene: Scene, node: Node) -> Iterator[Edit]:
    keys = type(node.layer).keys()
    for key in ("bbox_type", "mode"):
        if key in keys:
            for word in keys[key].among:
                yield {key: word}


@cause("box_stride", "8 to 64 pixels a cell", "yolo")
def box_stride(scene: Scene, node: Node) -> Iterator[Edit]:
    yield from ({"stride": s} for s in ("8", "16", "32", "64"))


@cause("anchor_order", "anchors backwards, and height and width of each exchanged", "yolo")
def anchor_order(scene: Scene, node: Node) -> Iterator[Edit]:
    anchor = list(node.layer.anchor)  # type: ignore[attr-defined]
    pairs = [anchor[i : i + 2] for i in range(0, len(anchor), 2)]
    if pairs:
        yield {"anchor": text([n for pair in pairs[::-1] for n in pair])}
        yield {"anchor": text([n for pair in pairs for n in pair[::-1]])}


@cause("threshold", "the usual thresholds of score and overlap", "nms", "bnms", "threshold")
def threshold(scene: Scene, node: Node) -> Iterator[Edit]:
    for key, values in (("conf_thres", ("0.25", "0.5", "0.05")), ("iou_thres", ("0.45", "0.5", "0.6", "0.65", "0.7"))):
        if has(node, key):
            yield from ({key: value} for value in values)


@cause("nms_classes", "boxes that suppress those of other classes, or only of their own", "nms")
def nms_classes(scene: Scene, node: Node) -> Iterator[Edit]:
    yield {"inter_class_nms": str(1 - node.layer.inter_class_nms)}  # type: ignore[attr-defined]


@cause("nms_mode", "whose suppression: every mode of the layer", "nms")
def nms_mode(scene: Scene, node: Node) -> Iterator[Edit]:
    yield from ({"mode": mode} for mode in type(node.layer).keys()["mode"].among)


@cause("nms_counts", "as many rows as the original has, and no limit of candidates", "nms", "bnms", "nms_merge")
def nms_counts(scene: Scene, node: Node) -> Iterator[Edit]:
    rows = str(max(want.shape[min(1, want.ndim - 1)] if node.tag == "bnms" else want.shape[0]
                   for want in scene.want.values()))  # fmt: skip
    for key, value in (("nms_count", rows), ("result_count", rows), ("count_per_class", rows), ("region_count", "-1")):
        if has(node, key):
            yield {key: value}
