"""YOLOX-tiny that finds characters: one class, 416 x 416, trained; the weights come with ddddocr.

Original: pixeltable-yolox (Apache-2.0), YOLOX's own modules. Weights: ddddocr's common_det.onnx (MIT), or a checkpoint of
the user's. Paper: Ge et al. 2021, arXiv:2107.08430.

    python -m workbench.ports.yolox_tiny_text IMAGE [--original] [--out FILE] [--set NAME=VALUE]
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.graph import TensorSpec
from workbench.ports.base import Arrays, Part, Port, Prepared
from workbench.ports.common.boxes import Detections, draw_boxes, nms, unletterbox, xyxy
from workbench.ports.common.packages import package_file
from workbench.ports.common.pictures import Letterbox, letterbox, open_picture

if TYPE_CHECKING:
    from PIL.Image import Image

SIDE = 416
INPUT, OUTPUT = "IMAGE", "FOUND"
SCORE, IOU = 0.1, 0.45  # ddddocr's own thresholds


def original(checkpoint: str | Path | None = None) -> Any:
    """YOLOX-tiny in eval mode, decoding in the graph: [b, 3, 416, 416] BGR 0..255 → [b, 3549, x y w h obj cls]."""
    import torch

    from workbench.ports.common.checkpoints import load_checkpoint, load_onnx_convolutions

    yolox = _yolox_models()
    width = 0.375
    model = yolox.YoloxModule(yolox.YoloPafpn(0.33, width), yolox.YoloxHead(1, width)).eval()
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.eps = 1e-3  # YOLOX sets it when it makes an experiment's model; checkpoints were trained with it
    if checkpoint is not None:
        return load_checkpoint(model, checkpoint)
    return load_onnx_convolutions(model, onnx_file(), torch.zeros(1, 3, 64, 64))


def _yolox_models() -> Any:
    from workbench.errors import WorkbenchError

    try:
        import yolox.models
    except ImportError as error:
        raise WorkbenchError(
            f"the original needs pixeltable-yolox: {error}", note="pip install --no-deps -r originals.txt"
        ) from error
    return yolox.models


def onnx_file() -> Path:
    return package_file("ddddocr", "common_det.onnx", "ddddocr", "the trained weights' file")


def sample() -> Image:
    """A photographed page of print, under uneven light (scikit-image's data, BSD-3-Clause)."""
    return open_picture(package_file("skimage", "data/page.png", "scikit-image", "the sample picture"))


def example() -> tuple[Any, ...]:
    import torch

    feeds = preprocess(sample(), {INPUT: TensorSpec((1, SIDE, SIDE, 3), "u8")}).feeds
    return tuple(torch.from_numpy(x) for x in to_original(feeds))


def preprocess(picture: Image, inputs: Mapping[str, TensorSpec]) -> Prepared:
    """u8 [1, h, w, 3] RGB, letterboxed; the config swaps the channels and may pad further."""
    boxed, frame = letterbox(picture, inputs[INPUT].shape[1:3])
    return Prepared({INPUT: boxed[None]}, frame)


def to_original(feeds: Arrays) -> tuple[np.ndarray, ...]:
    return (np.ascontiguousarray(feeds[INPUT][..., ::-1].transpose(0, 3, 1, 2), np.float32),)


def from_original(outputs: Any) -> Arrays:
    return {OUTPUT: outputs.numpy()}


def postprocess(outputs: Arrays, frame: Letterbox) -> Detections:
    """Boxes of the picture whose objectness times class score exceeds 0.1, suppressed as ddddocr does."""
    rows = outputs[OUTPUT][0]
    scores = rows[:, 4:5] * rows[:, 5:]
    classes, best = scores.argmax(1), scores.max(1)
    likely = best > SCORE
    boxes, best, classes = xyxy(rows[likely, :4]) / frame.scale, best[likely], classes[likely]
    keep = nms(boxes, best, IOU, pixel=1)
    return Detections(unletterbox(boxes[keep] * frame.scale, frame), best[keep], classes[keep])


PORT = Port(
    name="yolox_tiny_text",
    title="YOLOX-tiny, finds characters",
    parts=(
        Part(
            "detector",
            "yolox_tiny_text.cfg",
            original,
            example,
            to_original,
            from_original,
            {"BATCH_SIZE": "1", "RE_SIZE": f"{SIDE},{SIDE}", "TOP": "0", "BOTTOM": "0", "LEFT": "0", "RIGHT": "0"},
        ),
    ),
    preprocess=preprocess,
    postprocess=postprocess,
    draw=draw_boxes,
    sample=sample,
    tolerance=1e-5,
    licence="MIT (weights, ddddocr), Apache-2.0 (model, pixeltable-yolox)",
    paper="https://arxiv.org/abs/2107.08430",
)
