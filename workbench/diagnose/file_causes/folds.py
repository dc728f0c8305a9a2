"""Batch norms that were not folded into a kernel, or folded in twice."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from workbench.diagnose.file_causes.table import Claim, Compared, file_cause, same


@file_cause("bn_unfolded", "the kernel or bias without its batch norm")
def unfolded(c: Compared) -> Iterator[Claim]:
    for name, raw in _own_parameters(c):
        if same(c.g, raw):
            yield Claim(f"the batch norm is folded into {c.label}: it is {name} as it stands", c.at.count, c.at)
            return


@file_cause("bn_doubly_folded", "the batch norm folded in twice")
def doubly_folded(c: Compared) -> Iterator[Claim]:
    """With raw * gain = w, a kernel that was folded twice is raw * gain² = w² / raw."""
    with np.errstate(over="ignore", invalid="ignore"):
        for _, raw in _own_parameters(c):
            if raw.any() and c.g.size == raw.size and np.allclose(c.g * raw, c.w * c.w, rtol=1e-4, atol=1e-9):
                yield Claim(f"the batch norm is folded into {c.label} once, not twice", c.at.count, c.at)
                return


def _own_parameters(c: Compared) -> Iterator[tuple[str, np.ndarray]]:
    """The parameters of the tensor's size that the ledger says were folded into it: `KERNEL · NORM`."""
    kernel, _, norm = c.source.get(c.at.letter, "").partition(" · ")
    modules = {kernel.rpartition(".")[0], norm} if norm else set()
    for name, tensor in c.state.items():
        if name.rpartition(".")[0] in modules and tensor.numel() == c.at.count and tensor.is_floating_point():
            yield name, tensor.detach().cpu().numpy().reshape(-1)
