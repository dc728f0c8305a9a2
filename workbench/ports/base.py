"""What a port is: networks (Parts), each ported by one config, and the code around them that no layer expresses."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from workbench import shapes
from workbench.config.parse import parse_config
from workbench.config.variables import Params, parameters
from workbench.errors import WorkbenchError
from workbench.graph import TensorSpec
from workbench.paths import configs_dir, samples_dir

if TYPE_CHECKING:
    from PIL.Image import Image

    from workbench.ports.common.pictures import Picture
    from workbench.ports.networks import Networks

Arrays = Mapping[str, np.ndarray]
Specs = Mapping[str, TensorSpec]

# The batches that every part is tested with beside the one of its own params.
BATCHES: tuple[Mapping[str, str], ...] = ({"BATCH_SIZE": "2"}, {"BATCH_SIZE": "4"})


class Prepared(NamedTuple):
    """A picture made ready: `feeds` for the engine, and what postprocess needs to find the way back to the picture."""

    feeds: Arrays
    geometry: Any = None


@dataclass(frozen=True)
class Part:
    """One network: its PyTorch original and the config that ports it. One Session, .weights file and engine each.

    original(checkpoint=None)   the torch module in eval mode, with the weights of `checkpoint` where one is given
    make_feeds(inputs)          example feeds for the engine, by name, of the shapes of these specs
    to_original(feeds)          the same as the arrays that the original takes
    from_original(outputs)      what the original returns, as named arrays that equal the config's outputs
    `tolerance` is the largest error of an output, as workbench.compare.verdict measures it, that engine and original
    may differ by from the same feed; the port says what it is derived from. `params` are the config's $NAMEs, to be
    overridden by the user; `variants` are overrides that it is tested with. `stem` names the weights file where the
    config is not this part's alone. The config's weights are found through its `name=` ties. Only `original` and
    `example` load torch, and they alone.
    """

    name: str
    config: str
    original: Callable[..., Any]
    make_feeds: Callable[[Specs], Arrays]
    to_original: Callable[[Arrays], tuple[np.ndarray, ...]]
    from_original: Callable[[Any], Arrays]
    tolerance: float
    params: Mapping[str, str] = field(default_factory=dict)
    variants: tuple[Mapping[str, str], ...] = BATCHES
    stem: str = ""

    @property
    def config_path(self) -> Path:
        return configs_dir() / self.config

    @property
    def weights_path(self) -> Path:
        """The shipped sample's, where the part has one; else weights/<config>.weights, which a check writes."""
        name = f"{self.stem or Path(self.config).stem}.weights"
        return path if (path := samples_dir() / name).is_file() else Path("weights") / name

    def inputs(self, params: Params = None) -> dict[str, TensorSpec]:
        """The specs of the config's inputs under its own params and these over them. Raises WorkbenchError."""
        graph = parse_config(self.config_path, {**self.params, **parameters(params)}).graph
        shapes.infer(graph)
        return {name: graph.specs[name] for name in graph.inputs}

    def feeds(self, params: Params = None) -> Arrays:
        """Example feeds for the engine that is built with these params over the part's own."""
        return self.make_feeds(self.inputs(params))

    def example(self, params: Params = None) -> tuple[Any, ...]:
        """Example inputs of the original: torch tensors."""
        import torch

        return tuple(torch.from_numpy(x) for x in self.to_original(self.feeds(params)))

    def run_original(self, feeds: Arrays, model: Any = None) -> Arrays:
        """The original's outputs from the engine's feeds; `model` is one that `original` made before."""
        import torch

        model = model or self.original()
        with torch.inference_mode():
            return self.from_original(model(*map(torch.from_numpy, self.to_original(feeds))))


def _no_step(*_: Any) -> Any:
    raise WorkbenchError("this port has no such step of its own", note="its pipeline does it: port.infer(...)")


def _no_arguments(parser: argparse.ArgumentParser) -> None:
    """A port that takes a picture and no more."""


@dataclass(frozen=True)
class Port:
    """A ported model.

    draw(picture, result)           a new picture with the result drawn in
    sample()                        a picture to try it on
    A port of one part gives the two steps around it:
    preprocess(picture, inputs)     Prepared, from a picture and the engine's input specs by name
    postprocess(outputs, geometry)  the result: a NamedTuple of arrays, whose str() is what a terminal shows
    One of several parts, or whose params follow from the picture, gives instead
    pipeline(networks, picture, **options)   the result; networks.open(part) is what runs a part
    add_arguments(parser)                    adds these options, with defaults, to the program's command line
    upstream(part, params)                   the original package's own pipeline around its model, which benchmarks
                                             compare with: takes a u8 [h, w, 3] RGB picture, gives its kind of result
    labels                                   names of the classes that it finds in a picture, by number; none where its
                                             result does not lie over one
    A picture is a PIL picture, or a u8 [h, w, 3] RGB array, as a video's frames are.
    """

    name: str
    title: str
    parts: tuple[Part, ...]
    draw: Callable[[Image, Any], Image]
    sample: Callable[[], Image]
    licence: str
    paper: str = ""
    preprocess: Callable[[Picture, Specs], Prepared] = _no_step
    postprocess: Callable[[Arrays, Any], Any] = _no_step
    pipeline: Callable[..., Any] | None = None
    add_arguments: Callable[[argparse.ArgumentParser], None] = _no_arguments
    upstream: Callable[[Part, Params], Callable[[np.ndarray], Any]] | None = None
    labels: tuple[str, ...] = ()

    @property
    def tolerance(self) -> float:
        """Of a result, to which every part may have added."""
        return max(part.tolerance for part in self.parts)

    def part(self, name: str = "") -> Part:
        """The part of that name; the first one where none is named. Raises WorkbenchError."""
        for part in self.parts:
            if name in ("", part.name):
                return part
        raise WorkbenchError(
            f"{self.name} has no part '{name}'", note=f"parts: {', '.join(p.name for p in self.parts)}"
        )

    def infer(self, networks: Networks, picture: Picture, **options: Any) -> Any:
        """The result for one picture, by the engines or the originals that `networks` opens."""
        if self.pipeline:
            return self.pipeline(networks, picture, **options)
        network = networks.open()
        feeds, geometry = self.preprocess(picture, network.inputs)
        return self.postprocess(network.run(feeds), geometry)
