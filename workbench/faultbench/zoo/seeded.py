"""A compact network and its input, reproducible from a seed."""

from __future__ import annotations

import importlib
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn


class Seeded(NamedTuple):
    """A network in eval mode, what it takes, and the config's feeds where those are something else."""

    network: nn.Module
    example: np.ndarray
    feeds: dict[str, np.ndarray]


def build(name: str, seed: int) -> Seeded:
    """The compact model of that name. Norms get scales, shifts and statistics that are not the neutral ones."""
    module: Any = importlib.import_module(f"workbench.faultbench.zoo.{name}")
    rng = np.random.default_rng(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = module.Network().eval()
        for part in network.modules():
            _stir(part)
    if hasattr(module, "picture"):
        picture = module.picture(rng)
        return Seeded(network, module.prepared(picture), {"PICTURE": picture})
    return Seeded(network, rng.standard_normal(module.SHAPE).astype(np.float32), {})


def _stir(part: nn.Module) -> None:
    """Give a norm parameters as training leaves them: no two alike, none of them 0 or 1."""
    if "Norm" not in type(part).__name__:
        return
    for name, tensor in part.state_dict().items():
        if name in ("weight", "running_var"):
            tensor.uniform_(0.5, 1.5)
        elif name in ("bias", "running_mean"):
            tensor.normal_(0, 0.3)
