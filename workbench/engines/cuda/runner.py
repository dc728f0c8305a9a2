"""Runs programs on a device: memory, one stream, and the launches with their addresses filled in."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from workbench.engines.cuda.driver import Device, told
from workbench.engines.cuda.program import Call, Constants, Place, Program
from workbench.engines.cuda.storage import memory_dtype
from workbench.errors import WorkbenchError

LARGEST = 5  # tensors that an error about memory names


@dataclass
class Loaded:
    """A program on the device: addresses of its roots, its functions, and its launches for the addresses last used."""

    program: Program
    bases: list[int]
    functions: list[Any]
    launches: list[tuple[Any, ...]] = field(default_factory=list)
    addresses: tuple[int, ...] = ()


class Runner:
    """Everything of an engine that lies on the device. `free` gives all of it back."""

    def __init__(self, device: Device, constants: Constants) -> None:
        self.device, self.constants = device, constants
        self._memory: dict[str, Any] = {}  # allocations by what they are for
        self._loaded: dict[int, Loaded] = {}
        with device.current() as drv:
            self.stream = drv.Stream()

    # ---- memory

    def load(self, program: Program) -> Loaded:
        """Its constants, an arena large enough, its kernels. The context must be current."""
        key = id(program)
        if key not in self._loaded:
            self._need_memory(program)
            functions = [self.device.function(call.kernel, call.codes) for call in program.calls]
            self._loaded[key] = Loaded(program, self._bases(program), functions)
        return self._loaded[key]

    def _need_memory(self, program: Program) -> None:
        for root in program.roots:
            if root.constant and root.constant not in self._memory:
                self._memory[root.constant] = self._allocate(root.nbytes, program)
                self.device.drv.memcpy_htod(self._memory[root.constant], self.constants[root.constant])
        if self.device.checking:
            for i, root in enumerate(program.roots):
                if not root.constant:
                    self._memory[f"{id(program)} {i}"] = self._allocate(root.nbytes, program)
        elif program.arena > self._arena_size:
            self._loaded.clear()  # their addresses point into the arena that goes
            self._free("arena")
            self._memory["arena"] = self._allocate(program.arena, program)
            self._arena_size = program.arena

    _arena_size = 0

    def _bases(self, program: Program) -> list[int]:
        if self.device.checking:
            return [int(self._memory[r.constant or f"{id(program)} {i}"]) for i, r in enumerate(program.roots)]
        arena = int(self._memory["arena"]) if program.arena else 0
        return [int(self._memory[r.constant]) if r.constant else arena + r.offset for r in program.roots]

    def _allocate(self, nbytes: int, program: Program) -> Any:
        drv = self.device.drv
        try:
            return drv.mem_alloc(max(nbytes, 1))
        except drv.MemoryError as error:
            free, total = drv.mem_get_info()
            self.free()
            weights = sum(r.nbytes for r in program.roots if r.constant)
            largest = ", ".join(f"{r.name} {_mb(r.nbytes)}" for r in program.memory_plan[:LARGEST])
            raise WorkbenchError(
                f"out of device memory: this network needs {_mb(weights)} for weights and {_mb(program.arena)} for "
                f"tensors; {_mb(free)} of {_mb(total)} were free",
                note=f"the largest tensors: {largest}; a smaller batch, a smaller picture or prec_mode=f16 needs less",
            ) from error

    @property
    def bytes(self) -> int:
        """Device memory in use: constants and the arena."""
        return self._arena_size + sum(self.constants[k].nbytes for k in self._memory if k in self.constants)

    def _free(self, key: str) -> None:
        if key in self._memory:
            self._memory.pop(key).free()

    def free(self) -> None:
        self._loaded.clear()
        for key in list(self._memory):
            self._free(key)
        self._arena_size = 0

    # ---- running

    def run(self, program: Program, feeds: Mapping[str, np.ndarray | int]) -> dict[str, np.ndarray]:
        """Outputs as arrays of their own. feeds: arrays, or addresses of device memory in the fed dtype."""
        with ExitStack() as stack:
            drv = stack.enter_context(self.device.current())
            loaded = self.load(program)
            self._feed(loaded, feeds)
            self.launch(loaded)
            with told(drv, "the device failed"):
                outputs = {name: self._fetch(loaded, place) for name, place in program.outputs.items()}
                self.stream.synchronize()
        return outputs

    def _feed(self, loaded: Loaded, feeds: Mapping[str, np.ndarray | int]) -> None:
        """Copies arrays to the device, and puts given addresses in their inputs' place."""
        bases = list(loaded.bases)
        for name, place in loaded.program.inputs.items():
            feed = feeds[name]
            if isinstance(feed, np.ndarray):
                self.device.drv.memcpy_htod_async(bases[place.ref.root] + place.ref.offset, feed, self.stream)
            else:
                bases[place.ref.root] = feed - place.ref.offset
        if tuple(bases) != loaded.addresses:
            loaded.addresses = tuple(bases)
            loaded.launches = [self._prepared(call, f, bases)
                               for call, f in zip(loaded.program.calls, loaded.functions, strict=True)]  # fmt: skip

    def _prepared(self, call: Call, function: Any, bases: list[int]) -> tuple[Any, ...]:
        args = [bases[a[0]] + a[1] if isinstance(a, tuple) else 0 if a is None else a for a in call.args]
        return function.prepared_async_call, (call.grid, call.block, self.stream, *args), call.shared

    def launch(self, loaded: Loaded) -> None:
        """Queue every kernel."""
        for i, (start, args, shared) in enumerate(loaded.launches):
            try:
                start(*args, shared_size=shared)
            except self.device.drv.Error as error:
                self._failed(loaded.program.calls[i], error)

    def _failed(self, call: Call, error: Exception) -> None:
        with told(self.device.drv, f"kernel {call.kernel.function} failed", call.line):
            raise error

    def _fetch(self, loaded: Loaded, place: Place) -> np.ndarray:
        shape = place.shape
        if place.used is not None:
            used = self._fetch(loaded, Place(place.used, (1,), "i32"))
            self.stream.synchronize()
            shape = (int(used[0]), *shape[1:])
        array = np.empty(shape, memory_dtype(place.dtype))
        if not array.size:
            return array
        source = loaded.addresses[place.ref.root] + place.ref.offset
        self.device.drv.memcpy_dtoh_async(array, source, self.stream)
        return array


def _mb(nbytes: int) -> str:
    return f"{nbytes / 2**20:,.1f} MB"
