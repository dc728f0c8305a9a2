"""YOLOv8-pose: people and their 17 key points (COCO's), sizes n and s.

Original: ultralytics (AGPL-3.0), its PoseModel; a user's checkpoint, or random weights. Key points after Maji et al.
2022, arXiv:2204.06806.

    python -m workbench.ports.yolov8_pose SOURCE [--original] [--out FILE] [--set NAME=VALUE]
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.ports.base import Arrays, Part, Port
from workbench.ports.common.poses import Poses, draw_poses
from workbench.ports.common.yolov8 import (
    BOXES,
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

POINTS = "POINTS"
HEAD, ARMS, BODY, LEGS = "#56b4e9", "#e69f00", "#cc79a7", "#009e73"
COLOURS = (*[HEAD] * 5, *[ARMS] * 6, *[LEGS] * 6)
# Nose, eyes, ears, shoulders, elbows, wrists, hips, knees, ankles; of each pair the left one first.
BONES = (
    *((a, b, HEAD) for a, b in ((0, 1), (0, 2), (1, 3), (2, 4))),
    *((a, b, BODY) for a, b in ((5, 6), (5, 11), (6, 12), (11, 12))),
    *((a, b, ARMS) for a, b in ((5, 7), (7, 9), (6, 8), (8, 10))),
    *((a, b, LEGS) for a, b in ((11, 13), (13, 15), (12, 14), (14, 16))),
)


def original(checkpoint: str | Path | None = None) -> Any:
    """YOLOv8n-pose in eval mode: [b, 3, h, w] RGB 0..1 → boxes x y w h [b, 4, a], scores [b, 1, a], points [b, 51, a].

    A checkpoint may be of size s too (the config's WIDTH is then 32).
    """
    from workbench.ports.common import ultralytics

    cls = ultralytics.model_class("PoseModel", 1)
    return ultralytics.original(lambda scale: cls(f"yolov8{scale}-pose.yaml", verbose=False), "n", checkpoint)


def from_original(outputs: Any) -> Arrays:
    from workbench.ports.common.ultralytics import kept

    found, points = kept(*outputs)
    return {**found, POINTS: np.concatenate(points)}


def postprocess(outputs: Arrays, frame: Frame) -> Poses:
    """Boxes and key points, in the picture's pixels."""
    values = outputs[POINTS].reshape(-1, outputs[POINTS].shape[1] // 3, 3)
    points = values.copy()
    points[..., :2] = frame.back(values[..., :2])
    return Poses(frame.back(outputs[BOXES].reshape(-1, 2, 2)).reshape(-1, 4), outputs[SCORES], points)


def draw(picture: Image, found: Poses) -> Image:
    return draw_poses(picture, found, BONES, COLOURS)


PORT = Port(
    name="yolov8_pose",
    title="YOLOv8-pose, people and their key points",
    parts=(
        Part(
            "pose",
            "yolov8_pose.cfg",
            original,
            make_feeds,
            to_original,
            from_original,
            TOLERANCE,
            {**PARAMS, "NAME": "yolov8_pose", "WIDTH": "16", "POINTS": "17", "POINT_HIDDEN": "51"},
            VARIANTS,
        ),
    ),
    preprocess=preprocess,
    postprocess=postprocess,
    draw=draw,
    labels=("person",),
    sample=sample,
    upstream=upstream,
    licence="AGPL-3.0 (original, ultralytics); the config and its code are Apache-2.0",
    paper="https://arxiv.org/abs/2204.06806",
)

if __name__ == "__main__":
    raise SystemExit(main(PORT))
