"""What a kernel launch is: data, so that an engine can plan, record and replay it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

# the numbers by which common.cuh knows the activations
_NAMES = """identity relu relu6 silu leaky sigmoid tanh gelu gelu2 elu selu softplus softsign hard_sigmoid scaled_tanh
clip mish"""
ACTS = {name: number for number, name in enumerate(_NAMES.split())}


class Act(NamedTuple):
    """An activation by name.

    leaky, elu: alpha the slope; selu: beta * elu(alpha); hard_sigmoid: alpha x + beta in [0, 1]; scaled_tanh:
    alpha tanh(beta x); clip: to [alpha, beta].
    """

    name: str = "identity"
    alpha: float = 0.0
    beta: float = 0.0

    @property
    def number(self) -> int:
        return ACTS[self.name]


IDENTITY = Act()
TENSOR = (("TENSOR", "1"),)  # what gemm_tile.cuh is compiled with for tensor cores
# From which compute capability on tensor cores multiply tensors of a storage; f32 rounded to TF32, 10 bits of mantissa.
TENSOR_CORES = {"f16": (7, 5), "bf16": (8, 0), "f32": (8, 0)}


@dataclass(frozen=True)
class Launch:
    """One kernel launch.

    source names the .cu file, function the kernel in it, defines what it is compiled with. args stand in the kernel's
    order: Python ints and floats, None for a null pointer, a NumPy array for a constant that the engine uploads once,
    and anything else for a tensor, which the engine turns into its device pointer.
    """

    source: str
    function: str
    grid: tuple[int, int, int]
    block: tuple[int, int, int]
    args: tuple[Any, ...]
    shared: int = 0
    defines: tuple[tuple[str, str], ...] = ()

    @property
    def codes(self) -> str:
        """The argument types for Function.prepare."""
        return "".join("i" if isinstance(a, int) else "f" if isinstance(a, float) else "P" for a in self.args)

    @property
    def tensor_cores(self) -> bool:
        """Whether it runs on tensor cores alone, and takes float32 as TF32: TENSOR_CORES says where it can."""
        return TENSOR[0] in self.defines

    @property
    def blocks(self) -> int:
        return math.prod(self.grid)


def ceil_div(a: int, b: int) -> int:
    """a / b, rounded up."""
    return -(-a // b)


def flat(source: str, function: str, count: int, *args: Any, threads: int = 256) -> Launch:
    """A launch of one thread per item."""
    return Launch(source, function, (ceil_div(count, threads), 1, 1), (threads, 1, 1), args)


def contiguous(shape: Sequence[int]) -> list[int]:
    """Strides, in elements, of a tensor without gaps."""
    return [math.prod(shape[d + 1 :]) for d in range(len(shape))]


def split_shape(shape: Sequence[int], axis: int) -> tuple[int, int, int]:
    """(outer, n, inner): the sizes before, of and after an axis, which may count from the end."""
    axis %= len(shape)
    return math.prod(shape[:axis]), shape[axis], math.prod(shape[axis + 1 :])


def row_threads(n: int) -> int:
    """How many threads share a row of n elements: whole warps, about four elements each, at most 256."""
    return min(256, ceil_div(max(n, 1), 128) * 32)
