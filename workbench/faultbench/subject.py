"""A right config and its original: what faults are planted in."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from workbench.config.document import Document
from workbench.faultbench.zoo import MODELS
from workbench.ports import PORTS, get_port
from workbench.session import Session

if TYPE_CHECKING:
    from workbench.ports.base import Part


@dataclass(frozen=True)
class Subject:
    """`open(seed)` makes the session of the right config; another seed gives other inputs, to a compact model weights
    too."""

    name: str
    config: str
    params: Mapping[str, str]
    open: Callable[[int], Session] = field(repr=False)

    def document(self) -> Document:
        return Document(self.config, self.name)


def zoo(names: tuple[str, ...] = MODELS) -> Iterator[Subject]:
    """The compact models of this room."""
    for name in names:
        config = importlib.import_module(f"workbench.faultbench.zoo.{name}").CONFIG
        yield Subject(name, config, {}, partial(_open_zoo, name, config))


def ports() -> Iterator[Subject]:
    """Every part of every port."""
    for name in PORTS:
        port = get_port(name)
        for part in port.parts:
            title = name if len(port.parts) == 1 else f"{name}.{part.name}"
            text = Document.read(part.config_path).text
            yield Subject(title, text, part.params, partial(_open_part, part))


def _open_zoo(name: str, config: str, seed: int) -> Session:
    from workbench.faultbench.zoo.seeded import build

    network, example, feeds = build(name, seed)
    return Session(network, example, Document(config, name), feeds=feeds, threads=1)


def _open_part(part: Part, seed: int) -> Session:
    feeds = shuffled(part.feeds(), seed)
    return Session(part.original(), part.to_original(feeds), part.config_path, part.params, feeds=feeds, threads=1)


def shuffled(feeds: Mapping[str, np.ndarray], seed: int) -> dict[str, np.ndarray]:
    """The same values in another order: an input of the same range and type. Seed 0 leaves them as they are."""
    if not seed:
        return dict(feeds)
    rng = np.random.default_rng(seed)
    return {name: rng.permutation(x.reshape(-1)).reshape(x.shape) for name, x in feeds.items()}
