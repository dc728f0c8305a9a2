"""What a layer comes down to: steps, each of them one kernel launch (or alternatives of one), with what it touches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from cuda_ops import copy as copies
from cuda_ops.elementwise import elementwise
from cuda_ops.launch import IDENTITY, Act, Launch
from workbench.engines.cuda.storage import KERNEL_STORAGE
from workbench.engines.cuda.tensor import FLOATS, Tensor
from workbench.graph import Node


class Epilogue(NamedTuple):
    """What a product does with its sums: act(sum + residual), or act(sum) + residual where `after`."""

    residual: Tensor | None = None
    act: Act = IDENTITY
    after: bool = False

    @property
    def plain(self) -> bool:
        return self.act == IDENTITY and self.residual is None


@dataclass(eq=False)
class Step:
    """Work of one node of the graph; `launches()` are alternatives, of which one runs."""

    node: Node

    @property
    def reads(self) -> list[Tensor]:
        raise NotImplementedError

    @property
    def writes(self) -> list[Tensor]:
        raise NotImplementedError

    def launches(self) -> list[Launch]:
        raise NotImplementedError

    @property
    def storage(self) -> str:
        """What its kernel is compiled for: the floats among its tensors, else the first tensor's type."""
        dtypes = [t.dtype for t in (*self.reads, *self.writes)]
        return next((d for d in dtypes if d in FLOATS), None) or KERNEL_STORAGE[dtypes[0]]


def tensors_of(launch: Launch) -> list[Tensor]:
    return [a for a in launch.args if isinstance(a, Tensor)]


@dataclass(eq=False)
class KernelStep(Step):
    """Launches as they are; what they touch and do not write, they read."""

    alternatives: list[Launch]
    written: list[Tensor]
    compiled_for: str = ""

    @property
    def reads(self) -> list[Tensor]:
        return [t for t in tensors_of(self.alternatives[0]) if t not in self.written]

    @property
    def writes(self) -> list[Tensor]:
        return self.written

    def launches(self) -> list[Launch]:
        return self.alternatives

    @property
    def storage(self) -> str:
        return self.compiled_for or super().storage


@dataclass(eq=False)
class ProductStep(Step):
    """A matrix product or convolution, `make(y, epilogue)`, into which elementwise steps after it can be taken."""

    make: Callable[[Tensor, Epilogue], Sequence[Launch]]
    y: Tensor
    epilogue: Epilogue
    terms: int  # products in a sum
    takes_residual: bool = True

    @property
    def reads(self) -> list[Tensor]:
        return [t for t in tensors_of(self.launches()[0]) if t != self.y]

    @property
    def writes(self) -> list[Tensor]:
        return [self.y]

    def launches(self) -> list[Launch]:
        return list(self.make(self.y, self.epilogue))


@dataclass(eq=False)
class ChainStep(Step):
    """Elementwise operations (cuda_ops.elementwise) over one to three inputs that broadcast to y's shape."""

    chain: list[Any]
    inputs: list[Tensor]
    y: Tensor

    @property
    def reads(self) -> list[Tensor]:
        return self.inputs

    @property
    def writes(self) -> list[Tensor]:
        return [self.y]

    def launches(self) -> list[Launch]:
        inputs = [(t, t.shape) if t.packed else (t, t.shape, t.strides) for t in self.inputs]
        return [elementwise(self.chain, inputs, self.y, self.y.shape)]


@dataclass(eq=False)
class CopyStep(Step):
    """y = x, both strided views of one shape."""

    x: Tensor
    y: Tensor

    @property
    def reads(self) -> list[Tensor]:
        return [self.x]

    @property
    def writes(self) -> list[Tensor]:
        return [self.y]

    def launches(self) -> list[Launch]:
        x, y = self.x, self.y
        if y.packed and (order := _permutation(x)):
            source = x.permute(_inverse(order))
            return [copies.permute(source, y, source.shape, order)]
        # the kernel counts from its pointers, so that a view's start need not be aligned
        return [copies.copy_view(x, y, x.shape, x.strides, y.strides)]


def _permutation(x: Tensor) -> list[int] | None:
    """The order in which a packed tensor's axes were put to make x; None where it is another view, or x packed."""
    slowest_first = sorted(range(len(x.shape)), key=lambda d: (-x.strides[d], d))
    source = x.permute(slowest_first)
    if not source.packed or slowest_first == list(range(len(x.shape))):
        return None
    return _inverse(slowest_first)


def _inverse(order: Sequence[int]) -> list[int]:
    return sorted(range(len(order)), key=lambda i: order[i])


@dataclass
class Lowered:
    """A network as steps in order, and the tensors that the caller feeds and gets, by name."""

    steps: list[Step]
    inputs: dict[str, Tensor]
    outputs: dict[str, Tensor]

    @property
    def results(self) -> list[Tensor]:
        """What must be there in the end: the outputs, and how much of each is in use."""
        return [t for y in self.outputs.values() for t in (y, y.used) if t is not None]
