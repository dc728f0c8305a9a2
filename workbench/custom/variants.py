"""The sizes at which a custom layer is checked: its own cases, and what kernels tend to get wrong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from workbench.errors import WorkbenchError
from workbench.graph import TensorSpec
from workbench.layers.base import Case, Layer

BATCH = 3
LONG = 257  # more than the usual 256 threads of a block, by one


@dataclass(frozen=True)
class Variant:
    """A layer, its inputs' specs, and what they try; gaps: inputs that do not lie contiguously in memory."""

    what: str
    layer: Layer
    x: tuple[TensorSpec, ...]
    case: Case | None = None  # where the case's own inputs fit
    gaps: bool = False

    def __str__(self) -> str:
        return f"{self.what}: {', '.join(map(str, self.x))}"


def variants(case: Case, layer: Layer) -> Iterator[Variant]:
    """A case as it stands; then a batch, odd sizes, long rows and gaps, where the layer's `infer` takes them."""
    x = tuple(case.specs)
    yield Variant("as given", layer, x, case)
    tried = {x}
    for what, changed in (
        ("batch of 3", [_resized(s, lambda axis, n: n * BATCH if axis == 0 else n) for s in x]),
        ("odd sizes", [_resized(s, lambda axis, n: n if axis == 0 or n == 1 else n + 1 + n % 2) for s in x]),
        ("long rows", [_long(s, max(s.shape[-1] for s in x if s.shape)) for s in x]),
    ):
        if tuple(changed) not in tried and _taken(layer, changed):
            tried.add(tuple(changed))
            yield Variant(what, layer, tuple(changed))
    if any(len(s.shape) > 1 for s in x):
        yield Variant("inputs with gaps", layer, x, case, gaps=True)


def _resized(spec: TensorSpec, size) -> TensorSpec:
    return TensorSpec(tuple(size(axis, n) for axis, n in enumerate(spec.shape)), spec.dtype)


def _long(spec: TensorSpec, longest: int) -> TensorSpec:
    """The longest row, wherever it stands, becomes LONG, so that inputs that share its size go on sharing it."""
    return _resized(spec, lambda axis, n: LONG if n == longest and axis > 0 else n)


def _taken(layer: Layer, x: Sequence[TensorSpec]) -> bool:
    try:
        return bool(layer.infer(*x))
    except WorkbenchError:  # the layer says that these sizes are none of its own
        return False
