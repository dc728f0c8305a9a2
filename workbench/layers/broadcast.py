"""What tensors of one layer must have in common: NumPy's broadcasting, one dtype. Shapes hold -1 for an open batch."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.errors import WorkbenchError
from workbench.graph import TensorSpec

MANY = 1 << 16  # "any number of inputs", as the upper end of an arity


def broadcast(*shapes: Sequence[int]) -> tuple[int, ...]:
    """The common shape, aligned at the last axis; an open axis meets only 1 or another open one, and stays axis 0."""
    rank = max(map(len, shapes))
    common: list[int] = []
    for sizes in zip(*[(1,) * (rank - len(s)) + tuple(s) for s in shapes], strict=True):
        distinct = {n for n in sizes if n != 1}
        if len(distinct) > 1 or (-1 in distinct and common):
            raise WorkbenchError(
                f"shapes do not broadcast: {' and '.join(f'[{_row(s)}]' for s in shapes)}",
                note="sizes are aligned at the last axis and must be equal or 1; an open batch meets itself or 1",
            )
        common.append(distinct.pop() if distinct else 1)
    return tuple(common)


def same_dtype(*x: TensorSpec) -> str:
    """The one dtype of all these tensors; raises where they differ."""
    if len({t.dtype for t in x}) > 1:
        raise WorkbenchError(f"expected inputs of one dtype; got {' and '.join(map(str, x))}")
    return x[0].dtype


def _row(shape: Sequence[int]) -> str:
    return ",".join(map(str, shape))
