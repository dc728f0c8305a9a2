"""YOLOX-tiny that finds characters: one class, 416 x 416, trained; the weights come with ddddocr.

Original: pixeltable-yolox (Apache-2.0), YOLOX's own modules. Weights: ddddocr's common_det.onnx (MIT), or a user's
checkpoint. Paper: Ge et al. 2021, arXiv:2107.08430.

    python -m workbench.ports.yolox_tiny_text SOURCE [--original] [--out FILE] [--set NAME=VALUE]
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.errors import WorkbenchError
from workbench.ports.base import BATCHES, Arrays, Part, Port, Prepared, Specs
from workbench.ports.common.boxes import Detections, clip, draw_boxes, nms, xyxy
from workbench.ports.common.packages import package_file
from workbench.ports.common.pictures import Letterbox, Picture, letterbox, open_picture, views
from workbench.ports.run import main

if TYPE_CHECKING:
    from PIL.Image import Image

DEPTH, WIDTH, CLASSES, SIDE = 0.33, 0.375, 1, 416
IMAGE, BOXES, SCORES = "IMAGE", "BOXES", "SCORES"  # the config's names
CONFIDENCE, IOU = 0.1, 0.45  # ddddocr's own thresholds


def original(checkpoint: str | Path | None = None) -> Any:
    """YOLOX-tiny in eval mode: [b, 3, 416, 416] BGR 0..255 → boxes x y w h [b, 3549, 4], scores [b, 3549, 1].

    The weights are ddddocr's, or those of `checkpoint`, a state_dict of YOLOX's names.
    """
    import torch

    from workbench.ports.common.onnx_weights import load_convolutions
    from workbench.weights.checkpoint import load_checkpoint, load_into

    model = _detector()
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.eps = 1e-3  # YOLOX sets it when it makes an experiment's model; checkpoints were trained with it
    if checkpoint is None:
        load_convolutions(model, onnx_file(), torch.zeros(1, 3, 64, 64))
    else:
        load_into(model, load_checkpoint(checkpoint), checkpoint)
    return model


def _detector() -> Any:
    """YOLOX's own model; only its rows x y w h obj cls, which it leaves in one tensor, are told apart at the end."""
    try:
        from yolox.models import YoloPafpn, YoloxHead, YoloxModule
    except ImportError as error:
        raise WorkbenchError(
            f"the original needs pixeltable-yolox: {error}", note="pip install --no-deps -r originals.txt"
        ) from error

    class Detector(YoloxModule):
        def forward(self, x: Any) -> tuple[Any, Any]:
            rows = self.head(self.backbone(x))
            return rows[..., :4], rows[..., 4:5] * rows[..., 5:]

    return Detector(YoloPafpn(DEPTH, WIDTH), YoloxHead(CLASSES, WIDTH)).eval()


def onnx_file() -> Path:
    return package_file("ddddocr", "common_det.onnx", "ddddocr", "the trained weights' file")


def sample() -> Image:
    """A photographed page of print, under uneven light (scikit-image's data, BSD-3-Clause)."""
    return open_picture(package_file("skimage", "data/page.png", "scikit-image", "the sample picture"))


def make_feeds(inputs: Specs) -> Arrays:
    batch, *size, _ = inputs[IMAGE].shape
    return {IMAGE: np.stack([letterbox(view, size)[0] for view in views(sample(), batch)])}


def preprocess(picture: Picture, inputs: Specs) -> Prepared:
    """u8 [1, h, w, 3] RGB, letterboxed; the config swaps the channels and may pad further."""
    boxed, frame = letterbox(picture, inputs[IMAGE].shape[1:3])
    return Prepared({IMAGE: boxed[None]}, frame)


def to_original(feeds: Arrays) -> tuple[np.ndarray, ...]:
    return (np.ascontiguousarray(feeds[IMAGE][..., ::-1].transpose(0, 3, 1, 2), np.float32),)


def from_original(outputs: Any) -> Arrays:
    boxes, scores = outputs
    return {BOXES: boxes.numpy(), SCORES: scores.numpy()}


def postprocess(outputs: Arrays, frame: Letterbox) -> Detections:
    """Boxes of the picture with a score above 0.1, the others suppressed as ddddocr does it."""
    best = outputs[SCORES][0].max(1)
    likely = best > CONFIDENCE
    boxes, best = xyxy(outputs[BOXES][0][likely]) / frame.scale, best[likely]
    keep = nms(boxes, best, IOU, pixel=1)
    return Detections(clip(boxes[keep], frame.size), best[keep], outputs[SCORES][0][likely][keep].argmax(1))


PORT = Port(
    name="yolox_tiny_text",
    title="YOLOX-tiny, finds characters",
    parts=(
        Part(
            "detector",
            "yolox_tiny_text.cfg",
            original,
            make_feeds,
            to_original,
            from_original,
            # The verdict's K, 8, times the original's own error between float32 and float64 on the sample, 1.7e-6.
            tolerance=1.4e-5,
            params={
                "BATCH_SIZE": "1",
                "RE_SIZE": f"{SIDE},{SIDE}",
                "TOP": "0",
                "BOTTOM": "0",
                "LEFT": "0",
                "RIGHT": "0",
            },
            variants=tuple({**batch, "RE_SIZE": "224,320"} for batch in BATCHES),
        ),
    ),
    preprocess=preprocess,
    postprocess=postprocess,
    draw=draw_boxes,
    labels=("character",),
    sample=sample,
    licence="MIT (weights, ddddocr), Apache-2.0 (model, pixeltable-yolox)",
    paper="https://arxiv.org/abs/2107.08430",
)

if __name__ == "__main__":
    raise SystemExit(main(PORT))
