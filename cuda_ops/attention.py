"""Launches of attention.cu."""

from dataclasses import dataclass
from typing import Any

from .launch import Launch, ceil_div
from .matmul import Matrix

LARGEST_HEAD = 64  # q and the result of a thread's query must fit into its registers


@dataclass(frozen=True)
class Attention:
    """The shape of an attention: q [.., queries, key_size], k [.., keys, key_size], v [.., keys, value_size]; batch is
    (outer, inner), say pictures and heads."""

    batch: tuple[int, int]
    queries: int
    keys: int
    key_size: int
    value_size: int
    scale: float

    @property
    def fused(self) -> bool:
        """Whether attention.cu takes it; else it is two matrix products and a softmax."""
        return max(self.key_size, self.value_size) <= LARGEST_HEAD


def attention(
    a: Attention,
    q: tuple[Any, Matrix],
    k: tuple[Any, Matrix],
    v: tuple[Any, Matrix],
    y: tuple[Any, Matrix],
    mask: tuple[Any, Matrix, int] | None = None,
) -> Launch:
    """y = softmax(scale q k^T + mask) v. Tensors come with how they lie (`row` is the step in time); the mask also with
    the elements from one key to the next. A stride of 0 broadcasts.

    Raises ValueError where the heads are larger than LARGEST_HEAD.
    """
    if not a.fused:
        raise ValueError(f"heads of {a.key_size} and {a.value_size}; fused attention takes at most {LARGEST_HEAD}")
    tensor, layout, column = mask or (None, Matrix(0), 0)
    strides = [n for m in (q[1], k[1], v[1], y[1], layout) for n in (m.row, m.outer, m.inner)]
    sizes = (a.queries, a.keys, a.key_size, a.value_size, a.batch[1])
    args = (q[0], k[0], v[0], tensor, y[0], *sizes, *strides, column, float(a.scale))
    threads = min(128, ceil_div(a.queries, 32) * 32)
    defines = tuple(
        (name, str(ceil_div(n, 4) * 4)) for name, n in (("KEY_SIZE", a.key_size), ("VALUE_SIZE", a.value_size))
    )
    grid = (a.batch[0] * a.batch[1], ceil_div(a.queries, threads), 1)
    return Launch("attention", "attention", grid, (threads, 1, 1), args, defines=defines)
