"""What a port is: networks (Parts), each ported by one config, and the code around them that no layer expresses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from workbench.graph import TensorSpec
from workbench.paths import configs_dir, samples_dir

if TYPE_CHECKING:
    from PIL.Image import Image

Arrays = Mapping[str, np.ndarray]


class Prepared(NamedTuple):
    """A picture made ready: `feeds` for the engine, and what postprocess needs to find the way back to the picture."""

    feeds: Arrays
    geometry: Any = None


@dataclass(frozen=True)
class Part:
    """One network: its PyTorch original and the config that ports it. One Session, .weights file and engine each.

    original(checkpoint=None)   the torch module in eval mode, with the weights of `checkpoint` where one is given
    feeds()                     example feeds for the engine, by the config's input names
    to_original(feeds)          the same as the arrays that the original takes
    from_original(outputs)      what the original returns, as named arrays that equal the config's outputs
    `params` are the config's $NAMEs, to be overridden by the user. The config's weights are found through its `name=`
    ties. Only `original` and `example` load torch, and they alone.
    """

    name: str
    config: str
    original: Callable[..., Any]
    feeds: Callable[[], Arrays]
    to_original: Callable[[Arrays], tuple[np.ndarray, ...]]
    from_original: Callable[[Any], Arrays]
    params: Mapping[str, str] = field(default_factory=dict)

    @property
    def config_path(self) -> Path:
        return configs_dir() / self.config

    @property
    def weights_path(self) -> Path:
        """The shipped sample's, where the part has one; else weights/<config>.weights, which a build writes."""
        name = f"{Path(self.config).stem}.weights"
        return path if (path := samples_dir() / name).is_file() else Path("weights") / name

    def example(self) -> tuple[Any, ...]:
        """Example inputs of the original: torch tensors."""
        import torch

        return tuple(torch.from_numpy(x) for x in self.to_original(self.feeds()))

    def run_original(self, feeds: Arrays, checkpoint: str | Path | None = None) -> Arrays:
        """The original's outputs from the engine's feeds."""
        import torch

        model = self.original(checkpoint)
        with torch.inference_mode():
            return self.from_original(model(*map(torch.from_numpy, self.to_original(feeds))))


@dataclass(frozen=True)
class Port:
    """A ported model.

    preprocess(picture, inputs)     Prepared, from a PIL picture and the engine's input specs by name
    postprocess(outputs, geometry)  the result: a NamedTuple of arrays, whose str() is what a terminal shows
    draw(picture, result)           a new picture with the result drawn in
    sample()                        a picture to try it on
    `tolerance` is the largest error of an output's part, as workbench.compare.verdict measures it, that engine and
    original may differ by from the same feed; the port says what it is derived from.
    """

    name: str
    title: str
    parts: tuple[Part, ...]
    preprocess: Callable[[Image, Mapping[str, TensorSpec]], Prepared]
    postprocess: Callable[[Arrays, Any], Any]
    draw: Callable[[Image, Any], Image]
    sample: Callable[[], Image]
    tolerance: float
    licence: str
    paper: str = ""

    def part(self, name: str = "") -> Part:
        """The part of that name; the first one where none is named."""
        return next(p for p in self.parts if name in ("", p.name))
