"""Mobile-SAM: masks of what a click or a box points at. Eight networks, put together by pipelines/segment_anything.py.

Original: mobilesam-mirror (Apache-2.0), size vit_t. The weights are a user's mobile_sam.pt, or random ones, which are
not trained: their masks mean nothing. Papers: Zhang et al. 2023, arXiv:2306.14289; Kirillov et al. 2023,
arXiv:2304.02643.

    python -m workbench.ports.mobile_sam SOURCE --point X,Y[,-] --box X1,Y1,X2,Y2 [--each] [--single] [--out FILE]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.config.variables import Params
from workbench.errors import WorkbenchError
from workbench.pipelines.frame import Frame
from workbench.pipelines.segment_anything import (
    BACKWARD,
    FORWARD,
    MEAN,
    OUTPUT_TOKENS,
    Prompt,
    SegmentAnything,
    Segments,
    framed,
)
from workbench.ports.base import Arrays, Part, Port, Specs
from workbench.ports.common.boxes import COLOURS
from workbench.ports.common.instances import shade
from workbench.ports.common.packages import package_file
from workbench.ports.common.pictures import Picture, open_picture, pixels, views
from workbench.ports.run import main

if TYPE_CHECKING:
    from PIL.Image import Image

    from workbench.ports.networks import Networks

STD = (58.395, 57.12, 57.375)
IMAGE, EMBEDDING, COORDINATES, LIKE, MASK = "IMAGE", "EMBEDDING", "COORDINATES", "LIKE", "MASK"  # the configs' names
SPARSE, DENSE, PADDING, MASKS, IOU = "SPARSE", "DENSE", "PADDING", "MASKS", "IOU"


def original(name: str, checkpoint: str | Path | None = None) -> Any:
    """A part of Mobile-SAM in eval mode; the checkpoint is mobile_sam.pt or that part's own state_dict."""
    from workbench.ports.common import mobile_sam

    return mobile_sam.part(name, checkpoint)


def sample() -> Image:
    """A cat, close up (scikit-image's data, CC0)."""
    return open_picture(package_file("skimage", "data/chelsea.png", "scikit-image", "the sample picture"))


def picture_feeds(inputs: Specs) -> Arrays:
    """The sample, and its mirror images where the batch holds more."""
    pictures = [pixels(view) for view in views(sample(), inputs[IMAGE].shape[0])]
    return {IMAGE: np.concatenate([framed(p, Frame((p.shape[1], p.shape[0]))) for p in pictures])}


def normalised(feeds: Arrays) -> tuple[np.ndarray, ...]:
    x = (feeds[IMAGE] - np.array(MEAN, np.float32)) / np.array(STD, np.float32)
    return (x.transpose(0, 3, 1, 2).copy(),)


def point_feeds(inputs: Specs) -> Arrays:
    """Places all over the network's 1024 x 1024 input."""
    return {name: np.random.default_rng(0).uniform(0, 1024, spec.shape).astype(np.float32)
            for name, spec in inputs.items()}  # fmt: skip


def normal_feeds(inputs: Specs) -> Arrays:
    """Normal random numbers, as embeddings are, and no token that is absent."""
    rng = np.random.default_rng(0)
    return {name: rng.standard_normal(spec.shape, np.float32) * np.float32(name != PADDING)
            for name, spec in inputs.items()}  # fmt: skip


def as_they_are(feeds: Arrays) -> tuple[np.ndarray, ...]:
    return tuple(feeds.values())


def embedding(outputs: Any) -> Arrays:
    return {EMBEDDING: outputs.numpy()}


def decoder_inputs(feeds: Arrays) -> tuple[np.ndarray, ...]:
    """The original has only tokens that are there."""
    present = int((feeds[PADDING] == 0).sum()) - OUTPUT_TOKENS
    return feeds[IMAGE], feeds[SPARSE][:, :present], feeds[DENSE]


def decoder_outputs(outputs: Any) -> Arrays:
    return {name: tensor.numpy() for name, tensor in zip((MASKS, IOU), outputs, strict=True)}


def _part(
    name: str,
    feeds: Callable[[Specs], Arrays],
    tolerance: float,
    to_original: Callable[[Arrays], tuple[np.ndarray, ...]] = as_they_are,
    from_original: Callable[[Any], Arrays] = embedding,
    **params: str,
) -> Part:
    made = partial(original, name)
    given = {"BATCH_SIZE": "1"} | params
    return Part(name, f"mobile_sam_{name}.cfg", made, feeds, to_original, from_original, tolerance, given)


# Tolerances: the verdict's K, 8, times the error between float32 and float64 on these feeds: the original's own, or,
# where it cannot run in float64, its config's on the reference engine. At least the verdict's C times float32's ulp.
PARTS = (
    _part("image_encoder", picture_feeds, 8.2e-6, normalised),
    _part("forward_point", point_feeds, 1.9e-6),
    _part("backward_point", point_feeds, 1.9e-6),
    _part("box", point_feeds, 4.5e-6),
    _part("no_box", point_feeds, 0.0),
    _part("mask", normal_feeds, 4.0e-6),
    _part("no_mask", point_feeds, 0.0),
    _part("decoder", normal_feeds, 4.8e-6, decoder_inputs, decoder_outputs, PROMPTS="3"),
)


def segmenter(networks: Networks) -> SegmentAnything:
    """What takes a picture once, `set_picture(pixels(picture))`, then prompts, `predict(points, labels, box, mask)`."""
    return SegmentAnything(networks.open)


def pipeline(
    networks: Networks,
    picture: Picture,
    point: Sequence[str] = (),
    box: Sequence[str] = (),
    each: bool = False,
    single: bool = False,
) -> Segments:
    """The masks for prompts as the command line writes them; for a point in the middle where there is none."""
    image = pixels(picture)
    prompts = _prompts(point, box, each) or [Prompt([[image.shape[1] / 2, image.shape[0] / 2]])]
    for prompt in prompts:  # before the picture is encoded, which takes longest
        prompt.checked((image.shape[1], image.shape[0]))
    sam = segmenter(networks)
    sam.set_picture(image)
    return sam.predict_all(prompts, multimask=not single)


def _prompts(points: Sequence[str], boxes: Sequence[str], each: bool) -> list[Prompt]:
    places = [_numbers("--point", text.removesuffix(",-"), 2, "X,Y or X,Y,-") for text in points]
    labels = [BACKWARD if text.endswith(",-") else FORWARD for text in points]
    corners = [_numbers("--box", text, 4, "X1,Y1,X2,Y2") for text in boxes]
    if each:
        singles = [Prompt([place], [label]) for place, label in zip(places, labels, strict=True)]
        return singles + [Prompt(box=box) for box in corners]
    if len(corners) > 1:
        raise WorkbenchError(f"{len(corners)} boxes for one object", note="--each makes every prompt an object")
    return [Prompt(places, labels, corners[0] if corners else None)] if places or corners else []


def _numbers(option: str, text: str, count: int, form: str) -> list[float]:
    try:
        numbers = [float(item) for item in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != count:
        raise WorkbenchError(f"{option} {text}: expected {form} in the picture's pixels")
    return numbers


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--point", metavar="X,Y[,-]", action="append", default=[],
        help="a point of the object, or with ,- one of the background (default: the picture's middle)",
    )  # fmt: skip
    parser.add_argument("--box", metavar="X1,Y1,X2,Y2", action="append", default=[], help="a box around the object")
    parser.add_argument("--each", action="store_true", help="every point and box is an object of its own")
    parser.add_argument("--single", action="store_true", help="one mask for an object, not the best of three")


def upstream(part: Part, params: Params = None) -> Callable[[np.ndarray], Any]:
    """The package's SamPredictor, asked for the object in the picture's middle, as `pipeline` is without prompts."""
    from workbench.ports.common import mobile_sam

    return mobile_sam.predictor()


def draw(picture: Image, found: Segments) -> Image:
    """A copy with the best mask of each object shaded and outlined."""
    out = picture.convert("RGB")
    whole = np.array([0, 0, *picture.size])
    for i, mask in enumerate(found.best):
        shade(out, whole, mask.astype(np.uint8), COLOURS[i % len(COLOURS)])
    return out


PORT = Port(
    name="mobile_sam",
    title="Mobile-SAM, masks for clicks and boxes (random weights unless they are made from mobile_sam.pt)",
    parts=PARTS,
    draw=draw,
    labels=("object",),
    sample=sample,
    licence="Apache-2.0 (original, mobilesam-mirror)",
    paper="https://arxiv.org/abs/2306.14289",
    pipeline=pipeline,
    add_arguments=add_arguments,
    upstream=upstream,
)

if __name__ == "__main__":
    raise SystemExit(main(PORT))
