"""Running the original on its example and keeping the tensors that are asked for."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from workbench.errors import WorkbenchError
from workbench.trace.example import Example
from workbench.trace.hooks import own_name, run_hooked
from workbench.trace.ops import Exported, Recorded, spec_of
from workbench.trace.store import TensorStore
from workbench.trace.tie import Tie, as_tie, unknown_tie


class Trace:
    """The tensors of one run of the original, by tie.

    `deterministic` is False where a second run gave other outputs, None where that was not tried. `notes` are for the
    user to read.
    """

    def __init__(self, paths: list[Recorded], store: TensorStore) -> None:
        self.deterministic: bool | None = None
        self.notes: list[str] = []
        self._paths, self._store = paths, store
        self._known = {p.tie: p for p in paths}

    def paths(self) -> list[Recorded]:
        """Every tensor of the original in execution order, recorded or not, with shape and dtype."""
        return self._paths

    def spec(self, tie: Tie | str) -> Recorded:
        """Shape and dtype of a tensor. Raises WorkbenchError, with the nearest ties, where there is none."""
        tie = as_tie(tie)
        if tie not in self._known:
            raise unknown_tie(tie, self._known)
        return self._known[tie]

    def __getitem__(self, tie: Tie | str) -> np.ndarray:
        tie = self.spec(tie).tie
        if tie not in self._store:
            raise WorkbenchError(f"the tensor '{tie}' was not recorded", note="name it in record(wanted=...)")
        return self._store[tie]

    def __contains__(self, tie: Tie | str) -> bool:
        return as_tie(tie) in self._store

    @property
    def stored_bytes(self) -> int:
        """The size of the temporary file."""
        return self._store.stored_bytes


def record(
    model: torch.nn.Module,
    example: Any,
    *,
    wanted: Iterable[Tie | str] | None = None,
    exported: Exported | None = None,
    folder: str | Path | None = None,
    twice: bool = True,
) -> Trace:
    """Run the original and keep the wanted tensors, copied before anything overwrites them; `wanted=None` keeps all.

    With `exported` its operators are run one by one and every tie is known; without, module hooks see the modules'
    outputs alone. The tensors lie in a temporary file in `folder`. `twice` runs the model once more, to tell whether
    it is deterministic.
    Raises WorkbenchError where the forward fails (naming the module) and for a wanted tie that does not exist.
    """
    example = Example.of(example).bound(model)
    keep = None if wanted is None else {as_tie(t) for t in wanted}
    store = TensorStore(folder)
    if exported is not None:
        outputs, paths = exported.run(store.put, keep, example), exported.paths()
    else:
        outputs, paths = _run_modules(model, example, store, keep)
    trace = Trace(paths, store)
    for tie in keep or ():
        trace.spec(tie)
    if twice:
        _run_again(trace, model, example, outputs)
    return trace


def _run_modules(
    model: torch.nn.Module, example: Example, store: TensorStore, keep: set[Tie] | None
) -> tuple[list[torch.Tensor], list[Recorded]]:
    paths: list[Recorded] = []

    def seen(tie: Tie, tensor: torch.Tensor) -> None:
        paths.append(Recorded(tie, *spec_of(tensor)))
        if keep is None or tie in keep:
            store.put(tie, tensor)

    root = own_name(model, "input")
    for i, tensor in enumerate(example.tensors()):
        seen(Tie(root, out=i), tensor)
    return run_hooked(model, example, seen), paths


def _run_again(trace: Trace, model: torch.nn.Module, example: Example, outputs: list[torch.Tensor]) -> None:
    """Compare with the outputs of the model itself, bit for bit: an export's operators are the model's own.

    Where they differ, one more run tells whether the model is random or the export computes something else.
    """
    first = run_hooked(model, example, lambda tie, tensor: None)
    trace.deterministic = _equal(first, outputs) or _equal(first, run_hooked(model, example, lambda tie, tensor: None))
    if not trace.deterministic:
        trace.notes.append("the original gives other outputs at every run: its forward draws random numbers")
    elif not _equal(first, outputs):
        trace.notes.append(
            "the exported operators do not give the model's own outputs bit for bit: its forward depends on more than "
            "its inputs, or chooses other kernels when exported"
        )


def _equal(a: list[torch.Tensor], b: list[torch.Tensor]) -> bool:
    return len(a) == len(b) and all(torch.equal(x.nan_to_num(), y.nan_to_num()) for x, y in zip(a, b, strict=True))
