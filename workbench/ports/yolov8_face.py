"""YOLOv8-face: faces and five key points (eyes, nose, corners of the mouth), sizes n and s.

The network is YOLOv8-pose's with one class and five points, and so is its config. Original: ultralytics (AGPL-3.0),
its PoseModel; a user's checkpoint, or random weights.

    python -m workbench.ports.yolov8_face SOURCE [--original] [--out FILE] [--set NAME=VALUE]
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.ports import yolov8_pose
from workbench.ports.common.poses import Poses, draw_poses
from workbench.ports.run import main

if TYPE_CHECKING:
    from PIL.Image import Image

POINTS = 5
COLOURS = ("#56b4e9", "#56b4e9", "#e69f00", "#d55e00", "#d55e00")


def original(checkpoint: str | Path | None = None) -> Any:
    """YOLOv8n-face in eval mode: [b, 3, h, w] RGB 0..1 → boxes x y w h [b, 4, a], scores [b, 1, a], points [b, 15, a].

    A checkpoint may be of size s too (the config's WIDTH and POINT_HIDDEN are then 32).
    """
    from workbench.ports.common import ultralytics

    cls = ultralytics.model_class("PoseModel", 1)

    def make(scale: str) -> Any:
        return cls(f"yolov8{scale}-pose.yaml", nc=1, data_kpt_shape=[POINTS, 3], verbose=False)

    return ultralytics.original(make, "n", checkpoint)


def draw(picture: Image, found: Poses) -> Image:
    return draw_poses(picture, found, (), COLOURS)


_POSE = yolov8_pose.PORT.part()

PORT = replace(
    yolov8_pose.PORT,
    name="yolov8_face",
    title="YOLOv8-face, faces and five key points",
    parts=(
        replace(
            _POSE,
            name="face",
            stem="yolov8_face",
            original=original,
            params={**_POSE.params, "NAME": "yolov8_face", "WIDTH": "16", "POINTS": str(POINTS), "POINT_HIDDEN": "16"},
        ),
    ),
    draw=draw,
    labels=("face",),
    paper="https://arxiv.org/abs/2105.12931",
)

if __name__ == "__main__":
    raise SystemExit(main(PORT))
