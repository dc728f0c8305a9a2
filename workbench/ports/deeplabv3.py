"""DeepLabv3 with a ResNet-50 backbone: one of Pascal VOC's 20 classes, or none of them, for every pixel of a picture.

Original: torchvision (BSD-3-Clause), with seeded random weights or a user's checkpoint of torchvision's names. Paper:
Chen et al. 2017, arXiv:1706.05587.

    python -m workbench.ports.deeplabv3 SOURCE [--original] [--out FILE] [--set RE_SIZE=H,W]
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from PIL import Image

from workbench.errors import WorkbenchError
from workbench.ports.base import Arrays, Part, Port, Prepared, Specs
from workbench.ports.common.labels import draw_labels, largest, shares
from workbench.ports.common.packages import package_file
from workbench.ports.common.pictures import Picture, open_picture, pixels, views
from workbench.ports.run import main

if TYPE_CHECKING:
    from workbench.ports.networks import Networks

IMAGE, LOGITS = "IMAGE", "LOGITS"  # the config's names
SHORT_SIDE, LONG_SIDE = 520, 4160  # torchvision's preset resizes the short side; beyond the long one RAM runs out
# ImageNet's, of levels 0..1; the config's [preproc] holds 255 times as much.
MEAN, STD = np.array([0.485, 0.456, 0.406], np.float32), np.array([0.229, 0.224, 0.225], np.float32)
CLASSES = (
    "background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable",
    "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
)  # fmt: skip


class Segmentation(NamedTuple):
    """The class of every pixel, u8 [h, w], an index into CLASSES."""

    mask: np.ndarray

    def __str__(self) -> str:
        return ", ".join(f"{CLASSES[i]} {share:.1%}" for i, share in shares(self.mask))


def original(checkpoint: str | Path | None = None) -> Any:
    """DeepLabv3-R50 in eval mode: normalised [b, 3, h, w] → {"out": logits [b, 21, h, w]}.

    The weights are seeded random ones, or those of `checkpoint`, a state_dict of torchvision's names; the auxiliary
    classifier, which torchvision's own checkpoints hold for training, is left out.
    """
    if checkpoint is None:
        import torch

        from workbench.ports.common.seeded import seeded

        (example,) = to_original({IMAGE: _resized(views(sample(), 2), (129, 129))})
        return seeded(_network, torch.from_numpy(example))
    from workbench.weights.checkpoint import load_checkpoint, load_into

    state = {k: v for k, v in load_checkpoint(checkpoint).items() if not k.startswith("aux_classifier.")}
    load_into(model := _network(), state, checkpoint)
    return model.eval()


def _network() -> Any:
    try:
        from torchvision.models.segmentation import deeplabv3_resnet50
    except ImportError as error:
        note = "pip install 'porting-workbench[models]'"
        raise WorkbenchError(f"the original needs torchvision: {error}", note=note) from error
    return deeplabv3_resnet50(weights=None, weights_backbone=None, num_classes=len(CLASSES))


def sample() -> Image.Image:
    """A photographed cat (scikit-image's data, CC0)."""
    return open_picture(package_file("skimage", "data/chelsea.png", "scikit-image", "the sample picture"))


def make_feeds(inputs: Specs) -> Arrays:
    batch, *size, _ = inputs[IMAGE].shape
    return {IMAGE: _resized(views(sample(), batch), size)}


def _resized(pictures: list[Image.Image], hw: Any) -> np.ndarray:
    """u8 [n, h, w, 3]. Pillow's filter widens as it shrinks, as torchvision's preset has it."""
    size = (hw[1], hw[0])
    return np.stack([np.asarray(p.resize(size, Image.Resampling.BILINEAR)) for p in pictures])


def to_original(feeds: Arrays) -> tuple[np.ndarray, ...]:
    x = feeds[IMAGE].astype(np.float32) / 255
    return (((x - MEAN) / STD).transpose(0, 3, 1, 2).copy(),)


def from_original(outputs: Any) -> Arrays:
    return {LOGITS: outputs["out"].numpy()}


def preset_size(size: tuple[int, int]) -> tuple[int, int]:
    """Height and width that torchvision's preset gives a picture of `size` (width, height): the short side 520.

    Raises WorkbenchError for a picture so long that the network's maps would take more RAM than there is.
    """
    width, height = size
    long = int(SHORT_SIDE * max(size) / min(size))
    if long > LONG_SIDE:
        raise WorkbenchError(
            f"the picture of {width} x {height} pixels would be resized to {SHORT_SIDE} x {long}; expected at most "
            f"{LONG_SIDE}",
            note="cut it up, or state the network's size: --set RE_SIZE=H,W",
        )
    return (long, SHORT_SIDE) if height > width else (SHORT_SIDE, long)


def preprocess(picture: Picture, inputs: Specs) -> Prepared:
    """u8 [1, h, w, 3] of the network's size; the geometry is the picture's own height and width."""
    image = Image.fromarray(pixels(picture))
    return Prepared({IMAGE: _resized([image], inputs[IMAGE].shape[1:3])}, (image.height, image.width))


def postprocess(outputs: Arrays, size: tuple[int, int]) -> Segmentation:
    """The class of the largest logit, these resized to the picture first."""
    return Segmentation(largest(outputs[LOGITS][0], size))


def pipeline(networks: Networks, picture: Picture) -> Segmentation:
    """By a network of the size that the preset gives this picture, unless the params state one."""
    if "RE_SIZE" in networks.params:
        network = networks.open()
    else:
        height, width = pixels(picture).shape[:2]
        network = networks.open(params={"RE_SIZE": preset_size((width, height))})
    feeds, size = preprocess(picture, network.inputs)
    return postprocess(network.run(feeds), size)


def draw(picture: Image.Image, result: Segmentation) -> Image.Image:
    """The picture under its classes' colours, with a legend of those that are in it."""
    return draw_labels(picture, result.mask, CLASSES)


PORT = Port(
    name="deeplabv3",
    title="DeepLabv3-R50, a class for every pixel",
    parts=(
        Part(
            "segmenter",
            "deeplabv3_r50.cfg",
            original,
            make_feeds,
            to_original,
            from_original,
            # The verdict's K, 8, times the original's own error between float32 and float64, 3.2e-5 at 129 x 193:
            # without training, small differences grow by a tenth in every bottleneck.
            tolerance=2.6e-4,
            params={"BATCH_SIZE": "1", "RE_SIZE": f"{SHORT_SIDE},{SHORT_SIDE}"},
            variants=(
                {"RE_SIZE": "97,130"},
                {"BATCH_SIZE": "2", "RE_SIZE": "129,193"},
                {"BATCH_SIZE": "4", "RE_SIZE": "97,97"},
            ),
        ),
    ),
    preprocess=preprocess,
    postprocess=postprocess,
    pipeline=pipeline,
    draw=draw,
    labels=CLASSES,
    sample=sample,
    licence="BSD-3-Clause (torchvision)",
    paper="https://arxiv.org/abs/1706.05587",
)

if __name__ == "__main__":
    raise SystemExit(main(PORT))
