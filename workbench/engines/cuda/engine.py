"""The cuda engine, and the emulator: the same engine over another driver."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from cuda_ops.cache import content_key
from cuda_ops.libraries import LIBRARIES, library_missing, library_version
from cuda_ops.sources import KERNEL_DIR
from workbench.engines.base import Arrays, Engine, Interface, Source, Weights
from workbench.engines.cuda.blob import Held, read_blob, write_blob
from workbench.engines.cuda.driver import Device, load_driver
from workbench.engines.cuda.feeds import DeviceArray, as_feed
from workbench.engines.cuda.fold import fold_batch_norms
from workbench.engines.cuda.fuse import fuse
from workbench.engines.cuda.graphs import load_bindings
from workbench.engines.cuda.lower import lower
from workbench.engines.cuda.place import place
from workbench.engines.cuda.program import Constants, Kernel, Program, Root, assemble
from workbench.engines.cuda.runner import Runner
from workbench.engines.cuda.storage import storage_of
from workbench.engines.cuda.tactics import Trial, choose
from workbench.errors import WorkbenchError
from workbench.graph import DTYPES, Graph, TensorSpec
from workbench.progress import Progress, silent


class CallTime(NamedTuple):
    """Milliseconds of one kernel call, and the config's line that it computes."""

    line: str
    kernel: str
    ms: float


class CudaEngine(Engine):
    """Runs a planned network; one run at a time, since all share one arena.

    trials: the kernels that were tried where there is a choice, with their times and what came of each.
    """

    name = "cuda"
    precisions = ("f32", "tf32", "f16", "bf16")
    tunes = True  # kernels are chosen by their times on this device

    def __init__(
        self,
        source: Source,
        inputs: Mapping[str, TensorSpec],
        outputs: Mapping[str, TensorSpec],
        precision: str,
        taps: Sequence[str] = (),
        programs: Mapping[int, Program] | None = None,
        constants: Constants | None = None,
    ) -> None:
        super().__init__(inputs, outputs, precision)
        self._source, self._taps = source, tuple(taps)
        self._constants: Constants = constants if constants is not None else {}
        self._programs: dict[int, Program] = dict(programs or {})
        self.trials: list[Trial] = []
        self._runner = Runner(Device(self.name), self._constants, self._graph_bindings())

    def _graph_bindings(self) -> Any:
        return load_bindings()

    @classmethod
    def build(
        cls,
        graph: Graph,
        weights: Weights,
        *,
        precision: str = "f32",
        taps: Sequence[str] = (),
        threads: int | None = None,
        tunes: bool | None = None,
    ) -> CudaEngine:
        """Plan the network; where its batch is open, for a batch of 1 and later for each batch that is fed.

        tunes: whether kernels are chosen by trial; by default on a GPU only. `threads` is for other engines.
        """
        outputs = dict.fromkeys((*graph.outputs, *taps))
        inputs, given = ({n: graph.specs[n] for n in names} for names in (graph.inputs, outputs))
        engine = cls(lambda: (graph, weights), inputs, given, precision, taps)
        engine.tunes = cls.tunes if tunes is None else tunes
        engine.program(1)
        return engine

    @classmethod
    def version(cls) -> str:
        """Name, library and a hash of the kernels and the planner: other ones make another engine."""
        folders = (KERNEL_DIR, KERNEL_DIR / "libraries", Path(__file__).parent)
        files = sorted(path for folder in folders for kind in ("*.cu*", "*.py") for path in folder.glob(kind))
        return f"{cls.name} {cls._library()}, kernels {content_key(*(p.read_bytes() for p in files))[:8]}"

    @classmethod
    def _library(cls) -> str:
        load_driver(cls.name)  # says what is missing
        import pycuda

        used = [f"{name} {library_version(name)}" for name in LIBRARIES if not library_missing(name)]
        return ", ".join([f"pycuda {pycuda.VERSION_TEXT}", *used])

    @classmethod
    def machine(cls) -> str:
        return Device(cls.name).name

    @classmethod
    def open(
        cls, blob: np.ndarray, interface: Interface, precision: str, threads: int | None, source: Source
    ) -> CudaEngine:
        held = read_blob(blob)
        engine = cls(source, *interface, precision, (), held.programs, held.constants)
        engine._runner.device.take_images(held.images)
        engine.trials = held.trials
        return engine

    def blob(self) -> np.ndarray:
        return write_blob(Held(self._programs, self._constants, self._images(), self.trials))

    def _images(self) -> dict[Kernel, bytes]:
        """The compiled kernels, so that a machine without a CUDA compiler opens the file."""
        return {kernel: self._runner.device.image(kernel) for kernel in self._modules()}

    def _modules(self) -> list[Kernel]:
        """What is compiled, each once; a module has several functions."""
        calls = [call for program in self._programs.values() for call in program.calls]
        kernels = [call.kernel for call in calls if call.kernel.source not in LIBRARIES]
        return list(dict.fromkeys(kernel._replace(function="") for kernel in kernels))

    def prepare(self, progress: Progress = silent) -> None:
        """Compile every kernel of the plans there are."""
        modules = self._modules()
        for module in progress(modules, "kernels", len(modules)):
            self._runner.device.image(module)

    # ---- plans

    @property
    def open_batch(self) -> bool:
        return any(spec.shape[:1] == (-1,) for spec in self.inputs.values())

    def program(self, batch: int = 1) -> Program:
        """The plan for a batch size; of a config with a fixed batch there is one."""
        key = batch if self.open_batch else 0
        if key not in self._programs:
            graph, weights = self._source()
            graph, weights = fold_batch_norms(closed(graph, batch), weights, self._taps)
            lowered = lower(graph, weights, storage_of(self.precision), self._taps, self.name)
            fuse(lowered)
            place(lowered)
            chosen: dict[int, int] = {}
            if self.tunes:
                chosen, trials = choose(lowered, self._runner, self.precision == "tf32")
                self.trials += trials
            self._programs[key] = assemble(lowered, self._constants, chosen)
            self._runner.keep_only(self._programs.values())
        return self._programs[key]

    def times(self, feeds: Mapping[str, Any] | Any, repeats: int = 20) -> list[CallTime]:
        """The time of every kernel call, in order: the median of some runs."""
        self._need_open()
        arrays = self._named(feeds)
        self._check(arrays, True)
        with self._lock:
            program = self.program(self._batch(arrays))
            times = self._runner.times(program, arrays, repeats)
        return [CallTime(c.line, c.kernel.function, ms) for c, ms in zip(program.calls, times, strict=True)]

    def memory_plan(self, batch: int = 1) -> list[Root]:
        """What lies in the arena, largest first: name, bytes, offset, first and last kernel call that needs it."""
        return self.program(batch).memory_plan

    # ---- running

    def _run_impl(self, feeds: Arrays) -> Arrays:
        batch = self._batch(feeds)
        if not batch:  # nothing was found, say: there is nothing to compute
            return {n: np.zeros((0, *s.shape[1:]), DTYPES[s.dtype]) for n, s in self.outputs.items()}
        with self._lock:
            given = self._runner.run(self.program(batch), {n: _narrowed(a) for n, a in feeds.items()})
        return {name: _widened(a, self.outputs[name].dtype) for name, a in given.items()}

    def run_on_device(
        self, feeds: Mapping[str, Any] | Any, out: Mapping[str, Any] | None = None, *, check: bool = True
    ) -> dict[str, DeviceArray]:
        """As `run`, with the outputs left on the device, as arrays that PyTorch and CuPy take without a copy.

        out: device arrays of the outputs' shapes, by name, to be written instead. They and feeds in device memory
        must not be changed before this returns. Raises WorkbenchError as `run` does.
        """
        self._need_open()
        arrays = self._named(feeds)
        self._check(arrays, check)
        given = {name: as_feed(value, self._runner.device, self._runner.stream, name)
                 for name, value in (out or {}).items()}  # fmt: skip
        with self._lock:
            program = self.program(self._batch(arrays))
            return self._runner.run_on_device(program, arrays, self._check_out(program, given))

    def _check_out(self, program: Program, out: Mapping[str, np.ndarray | DeviceArray]) -> dict[str, DeviceArray]:
        """The given arrays, each fit to be its output's memory."""
        fit: dict[str, DeviceArray] = {}
        for name, array in out.items():
            if name not in program.outputs:
                raise WorkbenchError(f"no output is named '{name}'", note=f"outputs: {', '.join(program.outputs)}")
            place, dtype = program.outputs[name], np.dtype(DTYPES[self.outputs[name].dtype])
            if isinstance(array, np.ndarray) or (array.shape, array.dtype) != (place.shape, dtype):
                what = f"{array.dtype}{list(array.shape)}" + (" in host memory" * isinstance(array, np.ndarray))
                raise WorkbenchError(f"out '{name}': expected {dtype}{list(place.shape)} on the device; got {what}")
            fit[name] = array
        return fit

    def _as_feed(self, name: str, value: Any) -> Any:
        return as_feed(value, self._runner.device, self._runner.stream, name)

    def _batch(self, feeds: Arrays) -> int:
        sizes = {feeds[n].shape[0] for n, spec in self.inputs.items() if spec.shape[:1] == (-1,)}
        if len(sizes) > 1:
            raise WorkbenchError(f"expected feeds of one batch size; got {' and '.join(map(str, sorted(sizes)))}")
        return sizes.pop() if sizes else 1

    def _close_impl(self) -> None:
        with self._runner.device.current():
            self._runner.free()


class EmulatorEngine(CudaEngine):
    """The cuda engine on the CPU, through cuda_ops.emulator: to test kernels and plans, not to be fast."""

    name = "emulator"
    tunes = False  # its times say nothing of a GPU's

    @classmethod
    def _library(cls) -> str:
        from cuda_ops.cxx import compiler

        return compiler()[0]

    def _graph_bindings(self) -> Any:
        return None

    def _images(self) -> dict[Kernel, bytes]:
        """None: they would be the host's machine code, which no engine file may bring."""
        return {}


def closed(graph: Graph, batch: int) -> Graph:
    """The graph with `batch` in place of an open batch, its shapes inferred again."""
    if not any(graph.specs[name].shape[:1] == (-1,) for name in graph.inputs):
        return graph
    specs: dict[str, TensorSpec] = {}
    for node in graph.nodes:
        given = node.layer.infer(*[specs[t] for t in node.inputs])
        if node.tag == "input":
            given = [TensorSpec((batch, *s.shape[1:]) if s.shape[0] == -1 else s.shape, s.dtype) for s in given]
        specs.update(zip(node.outputs, given, strict=True))
    return dataclasses.replace(graph, specs=specs)


def _narrowed(feed: Any) -> Any:
    return feed.astype(np.int32) if isinstance(feed, np.ndarray) and feed.dtype == np.int64 else feed


def _widened(array: np.ndarray, dtype: str) -> np.ndarray:
    return array.astype(DTYPES[dtype], copy=False)
