"""Random weights that hide no error: what an original is given where no trained weights can be had."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def seeded(make: Callable[[], Any], *example: Any, seed: int = 0) -> Any:
    """The model that `make` builds, in eval mode, with random weights that are the same for the same seed.

    A constructor leaves batch norms as identities and biases at zero, so that a port could forget them unnoticed.
    Here every parameter that is constant becomes random, and batch norms take the statistics of one run on `example`
    (a batch of at least 2), somewhat disturbed: activations stay near a deviation of 1 however deep the network is.
    """
    import torch

    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        model = make().eval()
        for parameter in model.parameters():
            if bool((parameter == parameter.flatten()[0]).all()):
                _disturb(torch, parameter)
        norms: list[Any] = [m for m in model.modules() if isinstance(m, torch.nn.modules.batchnorm._BatchNorm)]
        momenta = [norm.momentum for norm in norms]
        for norm in norms:
            norm.momentum = 1.0  # the running statistics become the batch's
            norm.train()
        model(*example)
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
            norm.eval()
            deviation = norm.running_var.sqrt()
            norm.running_mean.add_(deviation * torch.randn_like(deviation) * 0.1)
            norm.running_var.mul_(torch.empty_like(deviation).uniform_(0.8, 1.25))
    return model


def _disturb(torch: Any, parameter: Any) -> None:
    """Zeros become small numbers of either sign; any other constant varies by a fifth."""
    if parameter.flatten()[0] == 0:
        parameter.normal_(0, 0.1)
    else:
        parameter.mul_(torch.empty_like(parameter).uniform_(0.8, 1.2))
