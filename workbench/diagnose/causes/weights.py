"""source= that names other weights than the line's span reads."""

from __future__ import annotations

from collections.abc import Iterator

from workbench.diagnose.scene import Scene
from workbench.diagnose.table import Edit, cause
from workbench.graph import Node

PAIRS = {"gamma_beta_swapped": "rb", "mean_var_swapped": "mv"}


def _exchanged(node: Node, pair: str) -> Iterator[Edit]:
    a, b = pair[0], pair[1]
    if a in node.source and b in node.source:
        changed = {**node.source, a: node.source[b], b: node.source[a]}
        yield {"source": ",".join(f"{letter}:{name}" for letter, name in changed.items())}


@cause("gamma_beta_swapped", "source=r and source=b exchanged")
def gamma_beta(scene: Scene, node: Node) -> Iterator[Edit]:
    yield from _exchanged(node, "rb")


@cause("mean_var_swapped", "source=m and source=v exchanged")
def mean_var(scene: Scene, node: Node) -> Iterator[Edit]:
    yield from _exchanged(node, "mv")


@cause("source", "source= left out: what the line's span reads instead")
def source(scene: Scene, node: Node) -> Iterator[Edit]:
    swapped = any({node.source.get(a) for a in pair} == {_own(node, a) for a in pair} for pair in PAIRS.values())
    if node.source and not swapped:
        yield {"source": None}


def _own(node: Node, letter: str) -> str:
    """The parameter that a letter has in a torch batch norm beside the one that source= names."""
    stem = next(iter(node.source.values())).rpartition(".")[0]
    return f"{stem}." + {"r": "weight", "b": "bias", "m": "running_mean", "v": "running_var"}[letter]
