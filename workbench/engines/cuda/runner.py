"""Runs programs on a device: memory, one stream, and the launches with their addresses filled in."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

from cuda_ops.errors import KernelError
from cuda_ops.libraries import LIBRARIES
from workbench.engines.cuda.driver import Device, told
from workbench.engines.cuda.feeds import DeviceArray
from workbench.engines.cuda.graphs import CudaGraph
from workbench.engines.cuda.program import Call, Constants, Place, Program
from workbench.engines.cuda.storage import memory_dtype
from workbench.engines.cuda.tensor import ALIGNMENT
from workbench.errors import WorkbenchError

LARGEST = 5  # tensors that an error about memory names
ADDRESSES = 8  # sets of callers' addresses for which launches are kept

Feed = np.ndarray | DeviceArray


@dataclass
class Loaded:
    """A program on the device: addresses of its roots, its functions, and its launches by the addresses used before."""

    program: Program
    bases: list[int]
    functions: list[Any]
    launches: dict[tuple[int, ...], list[tuple[Any, ...]]] = field(default_factory=dict)
    graphs: dict[tuple[int, ...], CudaGraph] = field(default_factory=dict)


class Runner:
    """Everything of an engine that lies on the device. `free` gives all of it back.

    bindings: cuda.bindings.driver, where runs are to be replayed as CUDA graphs.
    """

    def __init__(self, device: Device, constants: Constants, bindings: Any = None) -> None:
        self.device, self.constants, self.bindings = device, constants, bindings
        self.note = ""  # why there are no graphs, where the driver refused them
        self._memory: dict[str, Any] = {}  # allocations by what they are for
        self._loaded: dict[int, Loaded] = {}
        with device.current() as drv, told(drv, "the device cannot be used"):
            self.stream = drv.Stream()

    # ---- memory

    def load(self, program: Program) -> Loaded:
        """Its constants, an arena large enough, its kernels. The context must be current."""
        key = id(program)
        if key not in self._loaded:
            self._need_memory(program)
            self.device.compile(call.kernel for call in program.calls)
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
            self._unload()  # their addresses point into the arena that goes
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
        """Device memory in use: constants, the arena, the libraries' workspace."""
        return (
            self._arena_size
            + self.device.workspace_bytes
            + sum(self.constants[k].nbytes for k in self._memory if k in self.constants)
        )

    def _free(self, key: str) -> None:
        if key in self._memory:
            self._memory.pop(key).free()

    def _unload(self) -> None:
        for graph in (g for loaded in self._loaded.values() for g in loaded.graphs.values()):
            graph.free()
        self._loaded.clear()

    def free(self) -> None:
        """Give all memory back; the context must be current."""
        self._unload()
        self.device.drop_libraries()
        for key in list(self._memory):
            self._free(key)
        self._arena_size = 0

    # ---- running

    def run(self, program: Program, feeds: Mapping[str, Feed]) -> dict[str, np.ndarray]:
        """Outputs as arrays of their own."""
        with self.device.current() as drv:
            loaded, bases = self._ready(program, feeds, {})
            self.launch(loaded, bases)
            with told(drv, "the device failed"):
                outputs = {name: self._fetch(bases, place) for name, place in program.outputs.items()}
                self.stream.synchronize()
        return outputs

    def run_on_device(
        self, program: Program, feeds: Mapping[str, Feed], out: Mapping[str, DeviceArray]
    ) -> dict[str, DeviceArray]:
        """Outputs in device memory: computed in `out` where it is given and can be, else copied to their own."""
        with self.device.current() as drv:
            loaded, bases = self._ready(program, feeds, out)
            self.launch(loaded, bases)
            with told(drv, "the device failed"):
                outputs = {n: self._keep(bases, place, out.get(n)) for n, place in program.outputs.items()}
                self.stream.synchronize()
        return outputs

    def _ready(
        self, program: Program, feeds: Mapping[str, Feed], out: Mapping[str, DeviceArray]
    ) -> tuple[Loaded, tuple[int, ...]]:
        """Host arrays copied to the device, and callers' own memory in the place of the arena's."""
        loaded = self.load(program)
        bases = list(loaded.bases)
        for name, place in program.inputs.items():
            feed, target = feeds[name], bases[place.ref.root] + place.ref.offset
            if isinstance(feed, np.ndarray):
                self.device.drv.memcpy_htod_async(target, feed, self.stream)
            elif feed.pointer % ALIGNMENT:
                self.device.drv.memcpy_dtod_async(target, feed.pointer, feed.nbytes, self.stream)
            else:
                bases[place.ref.root] = feed.pointer
        for name, array in out.items():
            place = program.outputs[name]
            if _alone(program, place) and not array.pointer % ALIGNMENT:
                bases[place.ref.root] = array.pointer
        return loaded, tuple(bases)

    def launch(self, loaded: Loaded, bases: tuple[int, ...]) -> None:
        """Queue every kernel; from the second run with the same addresses on, as one graph.

        Not from the first: it may load kernels, which no capture allows.
        """
        if self.bindings is None or bases not in loaded.launches:
            self._launch_each(loaded, bases)
            return
        if bases not in loaded.graphs:
            queue = partial(self._launch_each, loaded, bases)
            try:
                loaded.graphs[bases] = CudaGraph(self.bindings, self.stream.handle, queue)
            except WorkbenchError as error:
                self.bindings, self.note = None, error.problem
                self._launch_each(loaded, bases)
                return
        loaded.graphs[bases].replay()

    def _launch_each(self, loaded: Loaded, bases: tuple[int, ...]) -> None:
        for i, (start, args, shared) in enumerate(self._launches(loaded, bases)):
            try:
                start(*args, shared_size=shared)
            except (self.device.drv.Error, KernelError) as error:
                self._failed(loaded.program.calls[i], error)

    def times(self, program: Program, feeds: Mapping[str, Feed], repeats: int) -> list[float]:
        """Milliseconds of every call, the median of some runs after one that does not count."""
        with self.device.current() as drv:
            loaded, bases = self._ready(program, feeds, {})
            self._launch_each(loaded, bases)
            launches, runs = self._launches(loaded, bases), []
            for _ in range(repeats):
                marks = [drv.Event() for _ in range(len(launches) + 1)]
                for mark, (start, args, shared) in zip(marks, launches, strict=False):
                    mark.record(self.stream)
                    start(*args, shared_size=shared)
                marks[-1].record(self.stream)
                with told(drv, "the device failed"):
                    marks[-1].synchronize()
                runs.append([after.time_since(before) for before, after in pairwise(marks)])
        return [float(ms) for ms in np.median(runs, axis=0)]

    def forget(self, program: Program) -> None:
        """Let go of a program that will not run again; its constants stay."""
        self._loaded.pop(id(program), None)
        for key in [k for k in self._memory if k.startswith(f"{id(program)} ")]:
            self._free(key)

    def keep_only(self, programs: Iterable[Program]) -> None:
        """Let go of what no program needs: constants and libraries of alternatives that were not taken."""
        programs = list(programs)
        keys = {root.constant for program in programs for root in program.roots}
        with self.device.current():
            for key in self.constants.keys() - keys:
                del self.constants[key]
                self._free(key)
            if not any(call.kernel.source in LIBRARIES for program in programs for call in program.calls):
                self.device.drop_libraries()

    def _launches(self, loaded: Loaded, bases: tuple[int, ...]) -> list[tuple[Any, ...]]:
        if bases not in loaded.launches:
            if len(loaded.launches) >= ADDRESSES:
                oldest = next(iter(loaded.launches))
                del loaded.launches[oldest]
                if graph := loaded.graphs.pop(oldest, None):
                    graph.free()
            pairs = zip(loaded.program.calls, loaded.functions, strict=True)
            loaded.launches[bases] = [self._prepared(call, function, bases) for call, function in pairs]
        return loaded.launches[bases]

    def _prepared(self, call: Call, function: Any, bases: tuple[int, ...]) -> tuple[Any, ...]:
        args = [bases[a[0]] + a[1] if isinstance(a, tuple) else 0 if a is None else a for a in call.args]
        return function.prepared_async_call, (call.grid, call.block, self.stream, *args), call.shared

    def _failed(self, call: Call, error: Exception) -> None:
        with told(self.device.drv, f"kernel {call.kernel.function} failed", call.line):
            raise error

    def _shape(self, bases: tuple[int, ...], place: Place) -> tuple[int, ...]:
        """The shape that is given: axis 0 as long as it is in use."""
        if place.used is None:
            return place.shape
        used = self._fetch(bases, Place(place.used, (1,), "i32"))
        self.stream.synchronize()
        return (int(used[0]), *place.shape[1:])

    def _fetch(self, bases: tuple[int, ...], place: Place) -> np.ndarray:
        array = np.empty(self._shape(bases, place), memory_dtype(place.dtype))
        if array.size:
            self.device.drv.memcpy_dtoh_async(array, bases[place.ref.root] + place.ref.offset, self.stream)
        return array

    def _keep(self, bases: tuple[int, ...], place: Place, out: DeviceArray | None) -> DeviceArray:
        """The output in `out`, or in memory of its own."""
        shape, dtype = self._shape(bases, place), memory_dtype(place.dtype)
        array = out or DeviceArray.empty(self.device, shape, dtype)
        source, size = bases[place.ref.root] + place.ref.offset, math.prod(shape) * dtype.itemsize
        if size and source != array.pointer:
            self.device.drv.memcpy_dtod_async(array.pointer, source, size, self.stream)
        return array


def _alone(program: Program, place: Place) -> bool:
    """Whether nothing else lies in the output's memory, so that the caller's can take its place."""
    root = program.roots[place.ref.root]
    shared = [p for p in (*program.inputs.values(), *program.outputs.values()) if p.ref.root == place.ref.root]
    nbytes = math.prod(place.shape) * memory_dtype(place.dtype).itemsize
    return not root.constant and root.nbytes == nbytes and len(shared) == 1


def _mb(nbytes: int) -> str:
    return f"{nbytes / 2**20:,.1f} MB"
