"""YOLOv8-seg: objects of COCO's 80 classes and a mask for each, sizes n and s.

Original: ultralytics (AGPL-3.0), its SegmentationModel; a user's checkpoint, or random weights. Masks after Bolya et
al. 2019 (YOLACT), arXiv:1904.02689.

    python -m workbench.ports.yolov8_seg SOURCE [--original] [--out FILE] [--set NAME=VALUE]
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.layers.instance_mask import masks_in_boxes
from workbench.ports.base import Arrays, Part, Port
from workbench.ports.common.coco import COCO
from workbench.ports.common.instances import Instances, draw_instances
from workbench.ports.common.yolov8 import (
    BOXES,
    CLASSES,
    PARAMS,
    SCORES,
    TOLERANCE,
    VARIANTS,
    Frame,
    make_feeds,
    preprocess,
    sample,
    to_original,
    upstream,
)
from workbench.ports.run import main

if TYPE_CHECKING:
    from PIL.Image import Image

COEFFICIENTS, PROTOTYPES = "COEFFICIENTS", "PROTOTYPES"
FACTOR = 4  # pixels of the network's input per element of a prototype


def original(checkpoint: str | Path | None = None) -> Any:
    """YOLOv8n-seg in eval mode: [b, 3, h, w] RGB 0..1 → boxes x y w h [b, 4, a], scores [b, 80, a], coefficients
    [b, 32, a] and prototypes [b, 32, h / 4, w / 4].

    A checkpoint may be of size s too (the config's WIDTH is then 32, CLASS_HIDDEN 128).
    """
    from workbench.ports.common import ultralytics

    cls = ultralytics.model_class("SegmentationModel", len(COCO))
    return ultralytics.original(lambda scale: cls(f"yolov8{scale}-seg.yaml", verbose=False), "n", checkpoint)


def from_original(outputs: Any) -> Arrays:
    from workbench.ports.common.ultralytics import kept

    *rows, proto = outputs
    found, coefficients = kept(*rows)
    return {**found, COEFFICIENTS: np.concatenate(coefficients), PROTOTYPES: proto.permute(0, 2, 3, 1).numpy()}


def postprocess(outputs: Arrays, frame: Frame) -> Instances:
    """Boxes in the picture's pixels; masks cut to the picture. One without any mask is no detection, as upstream."""
    (proto,) = outputs[PROTOTYPES]
    patches = list(masks_in_boxes(outputs[BOXES], outputs[COEFFICIENTS], proto, FACTOR))
    some = [i for i, (_, _, patch) in enumerate(patches) if patch.any()]
    masks = np.zeros((len(some), *(n * FACTOR for n in proto.shape[:2])), np.uint8)
    for mask, i in zip(masks, some, strict=True):
        rows, columns, patch = patches[i]
        mask[rows, columns] = patch
    boxes = frame.back(outputs[BOXES][some].reshape(-1, 2, 2)).reshape(-1, 4)
    rows, columns = frame.inside
    return Instances(boxes, outputs[SCORES][some], outputs[CLASSES][some], masks[:, rows, columns])


def draw(picture: Image, found: Instances) -> Image:
    return draw_instances(picture, found, COCO)


PORT = Port(
    name="yolov8_seg",
    title="YOLOv8-seg, objects and their masks",
    parts=(
        Part(
            "segmenter",
            "yolov8_seg.cfg",
            original,
            make_feeds,
            to_original,
            from_original,
            TOLERANCE,
            {**PARAMS, "NAME": "yolov8_seg", "WIDTH": "16", "CLASSES": str(len(COCO)), "CLASS_HIDDEN": "80"},
            VARIANTS,
        ),
    ),
    preprocess=preprocess,
    postprocess=postprocess,
    draw=draw,
    labels=COCO,
    sample=sample,
    upstream=upstream,
    licence="AGPL-3.0 (original, ultralytics); the config and its code are Apache-2.0",
    paper="https://arxiv.org/abs/1904.02689",
)

if __name__ == "__main__":
    raise SystemExit(main(PORT))
