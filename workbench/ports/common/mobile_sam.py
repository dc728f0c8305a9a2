"""Mobile-SAM's own modules (mobilesam-mirror, Apache-2.0), one for each part that is ported. Imports torch.

The package's prompt encoder takes all kinds of prompt in one call. Here each kind is a module of its own, made of the
package's submodules; tests/ports/test_mobile_sam.py shows that together they give what PromptEncoder.forward gives.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from workbench.errors import WorkbenchError
from workbench.ports.common.seeded import seeded
from workbench.weights.checkpoint import load_checkpoint, load_into


@cache
def untrained(name: str) -> Any:
    """The image_encoder, prompt_encoder or mask_decoder of a Sam without a checkpoint, with seeded random weights.

    The image encoder's batch norms have the statistics of a run on noise.
    """
    sam, side = build(), 1024
    tokens, grid = torch.zeros(1, 1, 256), torch.zeros(1, 256, 64, 64)
    examples: dict[str, tuple[Any, ...]] = {
        "image_encoder": (torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(0)) * 4 - 2,),
        "prompt_encoder": (None, None, None),
        "mask_decoder": (grid, grid, tokens, grid, True),
    }
    return ready(seeded(lambda: getattr(sam, name), *examples[name]))


def build() -> Any:
    """The package's Sam of size vit_t as its constructor leaves it, with seed 0. Raises WorkbenchError without it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it names its variants in timm's registry, over timm's own
            from mobile_sam import sam_model_registry
    except ImportError as error:
        raise WorkbenchError(
            f"the original needs mobilesam-mirror and timm: {error}", note="pip install --no-deps -r originals.txt"
        ) from error
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return sam_model_registry["vit_t"](checkpoint=None)


def ready(model: Any) -> Any:
    """In eval mode. TinyViT spreads its attention biases out to a table when it goes there, and not again when its
    weights change after that: a model that only loads a checkpoint attends without any."""
    return model.train().eval()


def sam(checkpoint: str | Path | None = None) -> Any:
    """The whole Sam, with a checkpoint's weights (mobile_sam.pt), else with those of `untrained`.

    Raises WorkbenchError for a checkpoint of another size of SAM.
    """
    model = build()
    if checkpoint is None:
        for name in ("image_encoder", "prompt_encoder", "mask_decoder"):
            setattr(model, name, untrained(name))
    else:
        load_into(model, load_checkpoint(checkpoint), checkpoint)
    return ready(model)


def part(name: str, checkpoint: str | Path | None = None) -> nn.Module:
    """The part of that name; `checkpoint` holds a whole Sam, or this part's own state_dict."""
    if checkpoint is None:
        return PARTS[name](_Untrained()).eval()
    model, state = build(), load_checkpoint(checkpoint)
    module = PARTS[name](model)
    own = module.state_dict().keys() == state.keys()
    load_into(module if own else model, state, checkpoint)
    return ready(module if own else PARTS[name](model))


def predictor() -> Callable[[np.ndarray], tuple[np.ndarray, ...]]:
    """SamPredictor around `sam`: u8 [h, w, 3] RGB → masks, scores and logits of the object in the picture's middle."""
    model = sam()
    from mobile_sam import SamPredictor

    steps = SamPredictor(model)

    def predict(picture: np.ndarray) -> tuple[np.ndarray, ...]:
        with torch.inference_mode():
            steps.set_image(picture)
            middle = np.array([[picture.shape[1] / 2, picture.shape[0] / 2]])
            return steps.predict(middle, np.ones(1))

    return predict


class _Untrained:
    """A Sam whose submodules are made when they are asked for."""

    image_encoder = property(lambda self: untrained("image_encoder"))
    prompt_encoder = property(lambda self: untrained("prompt_encoder"))
    mask_decoder = property(lambda self: untrained("mask_decoder"))


class Points(nn.Module):
    """Points of one label, [b, n, 2] x, y in pixels of the encoder's picture → [b, n, 256]."""

    def __init__(self, encoder: Any, label: int) -> None:
        super().__init__()
        self.positions, self.label = encoder.pe_layer, encoder.point_embeddings[label]
        self.size = encoder.input_image_size

    def forward(self, coordinates: Tensor) -> Tensor:
        return self.positions.forward_with_coords(coordinates + 0.5, self.size) + self.label.weight


class Boxes(nn.Module):
    """Boxes as corners, [b, 2, 2] x, y of the upper left and lower right → [b, 2, 256]."""

    def __init__(self, encoder: Any) -> None:
        super().__init__()
        self.positions, self.size = encoder.pe_layer, encoder.input_image_size
        self.upper_left, self.lower_right = encoder.point_embeddings[2:4]

    def forward(self, corners: Tensor) -> Tensor:
        labels = torch.stack([self.upper_left.weight, self.lower_right.weight], 1)
        return self.positions.forward_with_coords(corners + 0.5, self.size) + labels


class NoBox(nn.Module):
    """The padding point that stands in a box's place, for as many prompts as `like` has: → [b, 1, 256]."""

    def __init__(self, encoder: Any) -> None:
        super().__init__()
        self.padding = encoder.not_a_point_embed

    def forward(self, like: Tensor) -> Tensor:
        return self.padding.weight[None].expand(like.shape[0], -1, -1)


class NoMask(nn.Module):
    """The dense embedding that stands in a mask's place, for as many prompts as `like` has: → [b, 256, 64, 64]."""

    def __init__(self, encoder: Any) -> None:
        super().__init__()
        self.embedding, self.size = encoder.no_mask_embed, encoder.image_embedding_size

    def forward(self, like: Tensor) -> Tensor:
        return self.embedding.weight.reshape(1, -1, 1, 1).expand(like.shape[0], -1, *self.size)


class Decoder(nn.Module):
    """One image's embedding [1, 256, 64, 64] and prompts, sparse [b, n, 256] and dense [b, 256, 64, 64].

    → mask logits [b, 4, 256, 256] and predicted IoU [b, 4]; the first of the four is the single mask, the other three
    are multimask's. The position of every place in the image is a constant.
    """

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.decoder = model.mask_decoder
        self.register_buffer("positions", model.prompt_encoder.get_dense_pe())

    def forward(self, image: Tensor, sparse: Tensor, dense: Tensor) -> tuple[Tensor, Tensor]:
        return self.decoder.predict_masks(image, self.positions, sparse, dense)


# What makes each part of a Sam, by the part's name.
PARTS: dict[str, Callable[[Any], nn.Module]] = {
    "image_encoder": lambda model: model.image_encoder,
    "forward_point": lambda model: Points(model.prompt_encoder, 1),
    "backward_point": lambda model: Points(model.prompt_encoder, 0),
    "box": lambda model: Boxes(model.prompt_encoder),
    "no_box": lambda model: NoBox(model.prompt_encoder),
    "mask": lambda model: model.prompt_encoder.mask_downscaling,
    "no_mask": lambda model: NoMask(model.prompt_encoder),
    "decoder": Decoder,
}
