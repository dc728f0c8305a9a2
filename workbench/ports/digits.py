"""A small classifier of handwritten digits: the sample that runs in a second, for the demo, the tutorials and tests.

Original: plain PyTorch, below; trained by tools/train_digits.py on scikit-learn's digits, 8 x 8 pixels (Alpaydin and
Kaynak 1998, doi:10.24432/C50P49, CC BY 4.0).

    python -m workbench.ports.digits IMAGE [--original] [--out FILE]
"""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageOps

from workbench.paths import samples_dir
from workbench.ports.base import BATCHES, Arrays, Part, Port, Prepared, Specs
from workbench.ports.common.pictures import Picture, open_picture, pixels
from workbench.ports.run import main

SIDE = 8
MEAN, STD = 78, 96  # of the training pictures' bytes; the config's [preproc] holds the same
IMAGE, PROBABILITY = "IMAGE", "PROBABILITY"  # the config's names
CHECKPOINT, PICTURE = "digits.safetensors", "digits.png"


class Digits(NamedTuple):
    """The digit of every tile and its probability, both [n]."""

    labels: np.ndarray
    probabilities: np.ndarray

    def __str__(self) -> str:
        return f"{' '.join(map(str, self.labels))}   (least sure: {self.probabilities.min():.0%})"


def network() -> Any:
    """The untrained network: [b, 1, 8, 8], normalised → probabilities [b, 10]; 6,138 parameters."""
    from torch import nn

    layers = OrderedDict(
        conv1=nn.Conv2d(1, 16, 3, padding=1, bias=False),
        bn1=nn.BatchNorm2d(16),
        relu1=nn.ReLU(),
        conv2=nn.Conv2d(16, 32, 3, stride=2, padding=1, bias=False),
        bn2=nn.BatchNorm2d(32),
        relu2=nn.ReLU(),
        pool=nn.MaxPool2d(2),
        flatten=nn.Flatten(),
        fc=nn.Linear(32 * 2 * 2, 10),
        softmax=nn.Softmax(1),
    )
    return nn.Sequential(layers)


def original(checkpoint: str | Path | None = None) -> Any:
    """The trained network in eval mode; `checkpoint` is a state_dict of one trained otherwise."""
    from workbench.weights.checkpoint import load_checkpoint, load_into

    model, path = network().eval(), checkpoint or samples_dir() / CHECKPOINT
    load_into(model, load_checkpoint(path), path)
    return model


def sample() -> Image.Image:
    """Twenty digits in a row, none of which the network was trained on."""
    return open_picture(samples_dir() / PICTURE)


def make_feeds(inputs: Specs) -> Arrays:
    """The sample's digits, as many as the batch holds; all of them where it is open."""
    tiles, batch = preprocess(sample(), inputs).feeds[IMAGE], inputs[IMAGE].shape[0]
    return {IMAGE: tiles if batch == -1 else np.resize(tiles, (batch, *tiles.shape[1:]))}


def preprocess(picture: Picture, inputs: Specs) -> Prepared:
    """u8 [n, 8, 8, 1], bright ink on black: a picture of a row of n square tiles, one digit each.

    Ink that is darker than the picture's edge is turned bright. Each pixel is the mean of those it stands for, as the
    training pictures were made from 32 x 32 bitmaps.
    """
    grey = ImageOps.autocontrast(Image.fromarray(pixels(picture)).convert("L"))
    levels = np.asarray(grey)
    if np.median(np.concatenate([levels[0], levels[-1]])) > 127:
        grey = ImageOps.invert(grey)
    count = max(1, round(grey.width / grey.height))
    row = np.asarray(grey.resize((SIDE * count, SIDE), Image.Resampling.BOX))
    return Prepared({IMAGE: row.reshape(SIDE, count, SIDE).transpose(1, 0, 2)[..., None].copy()})


def to_original(feeds: Arrays) -> tuple[np.ndarray, ...]:
    return (((feeds[IMAGE].astype(np.float32) - MEAN) / STD).transpose(0, 3, 1, 2).copy(),)


def from_original(outputs: Any) -> Arrays:
    return {PROBABILITY: outputs.numpy()}


def postprocess(outputs: Arrays, geometry: Any) -> Digits:
    p = outputs[PROBABILITY]
    return Digits(p.argmax(1), p.max(1))


def draw(picture: Image.Image, result: Digits, tile: int = 64) -> Image.Image:
    """The row of digits, enlarged, with what was read beneath each."""
    count = len(result.labels)
    out = Image.new("RGB", (tile * count, tile + tile // 2), "white")
    out.paste(picture.convert("RGB").resize((tile * count, tile), Image.Resampling.NEAREST))
    pen = ImageDraw.Draw(out)
    for i, label in enumerate(result.labels):
        pen.text((tile * (i + 0.5), tile * 1.25), str(label), fill="black", anchor="mm", font_size=tile // 3)
    return out


PORT = Port(
    name="digits",
    title="Handwritten digits, a small classifier",
    parts=(
        Part(
            "classifier",
            "digits.cfg",
            original,
            make_feeds,
            to_original,
            from_original,
            # The verdict's C times float32's ulp; 8 times the original's error from float64 on the sample is as large.
            tolerance=2e-6,
            params={"BATCH_SIZE": "-1"},
            variants=({"BATCH_SIZE": "1"}, *BATCHES),
        ),
    ),
    preprocess=preprocess,
    postprocess=postprocess,
    draw=draw,
    sample=sample,
    licence="Apache-2.0 (network), CC BY 4.0 (digits)",
)

if __name__ == "__main__":
    raise SystemExit(main(PORT))
