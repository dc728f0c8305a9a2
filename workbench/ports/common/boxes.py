"""Boxes after a detector: their forms, suppression, and drawing them in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw


class Detections(NamedTuple):
    """Boxes x1, y1, x2, y2 [n, 4] in the picture's pixels, scores [n] and class indices [n], the best score first."""

    boxes: np.ndarray
    scores: np.ndarray
    classes: np.ndarray

    def __str__(self) -> str:
        lines = [f"{len(self.boxes)} found"]
        for box, score, kind in zip(self.boxes, self.scores, self.classes, strict=True):
            lines.append(f"  class {kind}  {score:.3f}  " + " ".join(f"{v:7.1f}" for v in box))
        return "\n".join(lines)


def xyxy(boxes: np.ndarray) -> np.ndarray:
    """Corner boxes from centre boxes (x, y, w, h)."""
    half = boxes[:, 2:] / 2
    return np.concatenate([boxes[:, :2] - half, boxes[:, :2] + half], 1)


def clip(boxes: np.ndarray, size: Sequence[int]) -> np.ndarray:
    """Corner boxes cut off at the edges of a picture of `size` (width, height)."""
    return boxes.clip(0, np.tile(np.asarray(size, boxes.dtype), 2))


def iou(box: np.ndarray, boxes: np.ndarray, pixel: float = 0.0) -> np.ndarray:
    """Intersection over union of one corner box with several; `pixel` 1 counts the corner pixels in, as YOLOX does."""
    inter = (np.minimum(box[2:], boxes[:, 2:]) - np.maximum(box[:2], boxes[:, :2]) + pixel).clip(0).prod(1)
    areas = (boxes[:, 2:] - boxes[:, :2] + pixel).prod(1)
    return inter / ((box[2:] - box[:2] + pixel).prod() + areas - inter)


def nms(boxes: np.ndarray, scores: np.ndarray, iou_thres: float, pixel: float = 0.0) -> np.ndarray:
    """Indices of the boxes that are kept, the best score first: each suppresses those with more than iou_thres."""
    order = np.argsort(-scores, kind="stable")
    keep = []
    while order.size:
        keep.append(order[0])
        order = order[1:][iou(boxes[order[0]], boxes[order[1:]], pixel) <= iou_thres]
    return np.array(keep, int)


def draw_boxes(picture: Image.Image, found: Detections, labels: Sequence[str] = ()) -> Image.Image:
    """A copy with the boxes drawn in; `labels`, by class index, are written above them with the score."""
    out = picture.convert("RGB")
    pen = ImageDraw.Draw(out)
    width = max(1, round(min(out.size) / 300))
    for box, score, kind in zip(found.boxes, found.scores, found.classes, strict=True):
        colour = COLOURS[int(kind) % len(COLOURS)]
        pen.rectangle([float(v) for v in box], outline=colour, width=width)
        if labels:
            pen.text((float(box[0]), float(box[1])), f"{labels[int(kind)]} {score:.2f}", fill=colour, anchor="lb")
    return out


# Okabe and Ito's palette, told apart by colour-blind readers too (jfly.uni-koeln.de/color).
COLOURS = ("#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#f0e442")
