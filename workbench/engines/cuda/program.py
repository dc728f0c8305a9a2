"""A planned network as data: kernel calls in order, and where in memory everything lies. It is what an engine file
holds."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from cuda_ops.launch import Launch
from workbench.engines.cuda.arena import Life, arrange
from workbench.engines.cuda.steps import Lowered, Step
from workbench.engines.cuda.tensor import Buffer, Tensor


class Ref(NamedTuple):
    """A device address: `offset` bytes into a root."""

    root: int
    offset: int


Arg = int | float | Ref | None


class Kernel(NamedTuple):
    """What is compiled: a .cu family (or file), the type of tensors in memory, its defines, the function in it."""

    source: str
    storage: str
    defines: tuple[tuple[str, str], ...]
    function: str


class Call(NamedTuple):
    """A kernel launch with its addresses; `line` is the config's line that it computes."""

    kernel: Kernel
    grid: tuple[int, int, int]
    block: tuple[int, int, int]
    shared: int
    codes: str
    args: tuple[Arg, ...]
    line: str


class Root(NamedTuple):
    """Memory that a tensor, or several in one, lives in: in the arena at `offset`, or a constant (by its hash).

    first and last are the calls between which it is needed; -1 is before the first: a feed.
    """

    name: str
    nbytes: int
    offset: int
    first: int
    last: int
    constant: str = ""


class Place(NamedTuple):
    """Where a fed or given tensor lies; `used`: the address of how many along axis 0 are given, None: all."""

    ref: Ref
    shape: tuple[int, ...]
    dtype: str
    used: Ref | None = None


@dataclass(frozen=True)
class Program:
    """A network for one batch size. arena: bytes; bound: what no arrangement could go below."""

    calls: list[Call]
    roots: list[Root]
    arena: int
    bound: int
    inputs: dict[str, Place]
    outputs: dict[str, Place]

    @property
    def memory_plan(self) -> list[Root]:
        """The arena's tenants, largest first."""
        return sorted((r for r in self.roots if not r.constant), key=lambda r: -r.nbytes)


Constants = dict[str, np.ndarray]  # what programs of several batches share, by hash


def assemble(lowered: Lowered, constants: Constants, chosen: Mapping[int, int] | None = None) -> Program:
    """Give every buffer its place and every launch its addresses; new constants are added to `constants`.

    chosen: which alternative of a step runs, by the step's number; else the first.
    """
    choice = chosen or {}
    launches = [step.launches()[choice.get(i, 0)] for i, step in enumerate(lowered.steps)]
    table = _Roots(constants)
    table.add_arena(lowered)
    calls = [_call(step, launch, table) for step, launch in zip(lowered.steps, launches, strict=True)]
    inputs, outputs = ({n: table.place(t) for n, t in side.items()} for side in (lowered.inputs, lowered.outputs))
    return Program(calls, table.roots, table.size, table.bound, inputs, outputs)


def _call(step: Step, launch: Launch, table: _Roots) -> Call:
    args = tuple(table.argument(a) for a in launch.args)
    kernel = Kernel(launch.source, step.storage, tuple(launch.defines), launch.function)
    return Call(kernel, launch.grid, launch.block, launch.shared, launch.codes, args, f"{step.node.where} {step.node}")


class _Roots:
    """Roots by number, as they are met."""

    def __init__(self, constants: Constants) -> None:
        self.constants = constants
        self.roots: list[Root] = []
        self.size = self.bound = 0
        self._numbers: dict[Buffer | str, int] = {}

    def add_arena(self, lowered: Lowered) -> None:
        lives = lifetimes(lowered)
        layout = arrange(list(lives.values()))
        self.size, self.bound = layout.size, layout.bound
        for (buffer, life), offset in zip(lives.items(), layout.offsets, strict=True):
            self._numbers[buffer] = len(self.roots)
            self.roots.append(Root(buffer.name, life.nbytes, offset, life.first, life.last))

    def ref(self, t: Tensor) -> Ref:
        root = t.buffer.root
        number = self._numbers[root] if root.constant is None else self._constant(root.constant, root.name)
        return Ref(number, t.buffer.start + t.start)

    def place(self, t: Tensor) -> Place:
        return Place(self.ref(t), t.shape, t.dtype, None if t.used is None else self.ref(t.used))

    def argument(self, a: object) -> Arg:
        if isinstance(a, Tensor):
            return self.ref(a)
        if isinstance(a, np.ndarray):
            return Ref(self._constant(a, ""), 0)
        assert a is None or isinstance(a, int | float)
        return a

    def _constant(self, array: np.ndarray, name: str) -> int:
        array = np.ascontiguousarray(array)
        key = hashlib.sha256(array.tobytes()).hexdigest()[:24]
        if key not in self._numbers:
            self.constants.setdefault(key, array.reshape(-1).view(np.uint8))
            self._numbers[key] = len(self.roots)
            self.roots.append(Root(name, array.nbytes, 0, 0, 0, key))
        return self._numbers[key]


def lifetimes(lowered: Lowered) -> dict[Buffer, Life]:
    """First and last step of every buffer that memory is given to; feeds live from -1, outputs to the end."""
    first: dict[Buffer, int] = {}
    last: dict[Buffer, int] = {}

    def touch(tensors: Iterable[Tensor], when: int) -> None:
        for t in tensors:
            root = t.buffer.root
            if root.constant is None:
                first.setdefault(root, when)
                last[root] = when

    touch(lowered.inputs.values(), -1)
    for i, step in enumerate(lowered.steps):
        touch((*step.reads, *step.writes), i)
    touch(lowered.results, len(lowered.steps))
    return {b: Life(b.nbytes, first[b], last[b]) for b in first}
