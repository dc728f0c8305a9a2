"""The cuda engine, and the emulator: the same engine over another driver."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cuda_ops.cache import content_key
from cuda_ops.sources import KERNEL_DIR
from workbench.engines.base import Arrays, Engine, Interface, Source, Weights
from workbench.engines.cuda.blob import read_blob, write_blob
from workbench.engines.cuda.driver import Device
from workbench.engines.cuda.fuse import fuse
from workbench.engines.cuda.lower import lower
from workbench.engines.cuda.place import place
from workbench.engines.cuda.program import Constants, Kernel, Program, Root, assemble
from workbench.engines.cuda.runner import Runner
from workbench.errors import WorkbenchError
from workbench.graph import DTYPES, Graph, TensorSpec


class CudaEngine(Engine):
    """Runs a planned network; one run at a time, since all share one arena."""

    name = "cuda"
    precisions = ("f32", "f16", "bf16")

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
        self._runner = Runner(Device(self.name), self._constants)

    @classmethod
    def build(
        cls,
        graph: Graph,
        weights: Weights,
        *,
        precision: str = "f32",
        taps: Sequence[str] = (),
        threads: int | None = None,
    ) -> CudaEngine:
        """Plan the network; where its batch is open, for a batch of 1 and later for each batch that is fed."""
        outputs = dict.fromkeys((*graph.outputs, *taps))
        inputs, given = ({n: graph.specs[n] for n in names} for names in (graph.inputs, outputs))
        engine = cls(lambda: (graph, weights), inputs, given, precision, taps)
        engine.program(1)
        return engine

    @classmethod
    def version(cls) -> str:
        """Name, library and a hash of the kernels: other kernels make another engine."""
        files = sorted(p for pattern in ("*.cu", "*.cuh", "*.py") for p in KERNEL_DIR.glob(pattern))
        return f"{cls.name} {cls._library()}, kernels {content_key(*(p.read_bytes() for p in files))[:8]}"

    @classmethod
    def _library(cls) -> str:
        import pycuda

        return f"pycuda {pycuda.VERSION_TEXT}"

    @classmethod
    def machine(cls) -> str:
        return Device(cls.name).name

    @classmethod
    def open(
        cls, blob: np.ndarray, interface: Interface, precision: str, threads: int | None, source: Source
    ) -> CudaEngine:
        programs, constants, images = read_blob(blob)
        engine = cls(source, *interface, precision, (), programs, constants)
        engine._runner.device.take_images(images)
        return engine

    def blob(self) -> np.ndarray:
        return write_blob(self._programs, self._constants, self._images())

    def _images(self) -> dict[Kernel, bytes]:
        """The compiled kernels, so that a machine without a CUDA compiler opens the file."""
        kernels = {call.kernel for program in self._programs.values() for call in program.calls}
        return {kernel._replace(function=""): self._runner.device.image(kernel) for kernel in kernels}

    # ---- plans

    @property
    def open_batch(self) -> bool:
        return any(spec.shape[:1] == (-1,) for spec in self.inputs.values())

    def program(self, batch: int = 1) -> Program:
        """The plan for a batch size; of a config with a fixed batch there is one."""
        key = batch if self.open_batch else 0
        if key not in self._programs:
            graph, weights = self._source()
            lowered = lower(closed(graph, batch), weights, self.precision, self._taps, self.name)
            fuse(lowered)
            place(lowered)
            self._programs[key] = assemble(lowered, self._constants)
        return self._programs[key]

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

    @classmethod
    def _library(cls) -> str:
        from cuda_ops.emulator.compile import compiler

        return compiler()[0]

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
