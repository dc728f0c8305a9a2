"""What every engine shares: opening, checking feeds, running, closing. Subclasses give only the `_impl` hooks."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from workbench.errors import Problems, WorkbenchError
from workbench.graph import DTYPES, Graph, TensorSpec
from workbench.progress import Progress, silent

Arrays = dict[str, np.ndarray]
Interface = tuple[Mapping[str, TensorSpec], Mapping[str, TensorSpec]]  # inputs and outputs
Source = Callable[[], "tuple[Graph, Weights]"]  # the network itself, from which an engine may plan further batches
Weights = Mapping[int, Mapping[str, np.ndarray]]  # node index → letter → array


class Engine:
    """A network ready to run: named feeds in, named arrays out.

    Safe under threads; a context manager. `taps` are further tensors that `run` returns beside the outputs.
    """

    name = ""
    precisions: tuple[str, ...] = ("f32",)

    def __init__(self, inputs: Mapping[str, TensorSpec], outputs: Mapping[str, TensorSpec], precision: str) -> None:
        self.require(precision)
        self.inputs, self.outputs, self.precision = dict(inputs), dict(outputs), precision
        self._lock = threading.Lock()
        self._closed = False
        self.note = ""  # how it came about: built, opened, or built again and why

    @classmethod
    def require(cls, precision: str, threads: int | None = None) -> None:
        """Raises WorkbenchError for a precision or a number of threads that it does not know; compiles nothing."""
        if precision not in cls.precisions:
            raise WorkbenchError(
                f"prec_mode {precision} is not to be had on the {cls.name} engine here",
                note=f"one of {', '.join(cls.precisions)}",
            )
        if threads is not None and threads < 0:
            raise WorkbenchError(f"expected a number of threads, 0 for all of them; got {threads}")

    @classmethod
    def version(cls) -> str:
        """The engine's name and its library's version."""
        raise NotImplementedError(cls.name)

    @classmethod
    def machine(cls) -> str:
        """The processor and what it can do, as far as a compiled network depends on it."""
        raise NotImplementedError(cls.name)

    @classmethod
    def open(
        cls, blob: np.ndarray, interface: Interface, precision: str, threads: int | None, source: Source
    ) -> Engine:
        """Open what `blob` gave on the same machine and version; `source` is for what it does not hold."""
        raise NotImplementedError(cls.name)

    def blob(self) -> np.ndarray:
        """The compiled network as bytes, for an engine file."""
        raise NotImplementedError(self.name)

    @classmethod
    def build(
        cls,
        graph: Graph,
        weights: Weights,
        *,
        precision: str = "f32",
        taps: Sequence[str] = (),
        threads: int | None = None,
    ) -> Engine:
        """Build from a graph whose shapes are inferred; `threads` None leaves the number to the library."""
        raise NotImplementedError(cls.name)

    def prepare(self, progress: Progress = silent) -> None:
        """Do now what else the first run would: nothing, unless the engine compiles kernels of its own."""

    def run(self, feeds: Mapping[str, Any] | Any, *, check: bool = True) -> Arrays:
        """Outputs by name. `feeds` maps input names to arrays; one array will do where there is one input.

        Raises WorkbenchError for a wrong name, shape or dtype and for NaN in a feed (check=False lets those pass).
        Arrays that are not contiguous are copied.
        """
        self._need_open()
        arrays = self._named(feeds)
        self._check(arrays, check)
        return self._run_impl({name: _contiguous(arrays[name]) for name in self.inputs})

    def _need_open(self) -> None:
        if self._closed:
            raise WorkbenchError("this engine is closed", note="open it again, or leave the `with` block later")

    def close(self) -> None:
        """Free the engine's memory; closing twice does no harm."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._close_impl()

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        sides = " → ".join(", ".join(f"{n} {s}" for n, s in side.items()) for side in (self.inputs, self.outputs))
        return f"<{self.name} engine, {self.precision}: {sides}>"

    def _run_impl(self, feeds: Arrays) -> Arrays:
        raise NotImplementedError

    def _close_impl(self) -> None:
        """Nothing to free unless a subclass says so."""

    def _named(self, feeds: Mapping[str, Any] | Any) -> Arrays:
        if not isinstance(feeds, Mapping):
            if len(self.inputs) != 1:
                raise WorkbenchError(
                    f"expected feeds by name for {', '.join(self.inputs)}; got one array",
                    note="run({'" + next(iter(self.inputs), "NAME") + "': array, ...})",
                )
            feeds = {next(iter(self.inputs)): feeds}
        return {name: self._as_feed(name, value) for name, value in feeds.items()}

    def _as_feed(self, name: str, value: Any) -> Any:
        """A feed as an array; of an engine that has memory of its own, also what lies there."""
        return np.asarray(value)

    def _check(self, feeds: Arrays, values: bool) -> None:
        problems = Problems()
        for name in feeds.keys() - self.inputs.keys():
            problems.error(f"no input is named '{name}'", note=f"inputs: {', '.join(self.inputs)}")
        for name, spec in self.inputs.items():
            if name not in feeds:
                problems.error(f"input '{name}' is not fed; expected {spec}")
            else:
                _check_feed(problems, name, feeds[name], spec, values)
        problems.raise_errors()


def _check_feed(problems: Problems, name: str, x: np.ndarray, spec: TensorSpec, values: bool) -> None:
    dtype = np.dtype(DTYPES[spec.dtype])
    got = f"{x.dtype}[{','.join(map(str, x.shape))}]"
    if x.dtype != dtype:
        problems.error(f"feed '{name}': expected {spec}; got {got}", note=f"convert with .astype('{dtype}')")
    elif not fits(x.shape, spec.shape):
        problems.error(f"feed '{name}': expected {spec}; got {got}", note=_layout_note(x.shape, spec.shape))
    elif values and isinstance(x, np.ndarray) and x.dtype.kind == "f" and x.size and np.isnan(x.min()):
        first = tuple(int(i) for i in np.argwhere(np.isnan(x))[0])
        problems.error(
            f"feed '{name}' holds NaN ({int(np.isnan(x).sum())} values, the first at {first})",
            note="run(..., check=False) feeds it all the same",
        )


def _contiguous(x: Any) -> Any:
    return np.ascontiguousarray(x) if isinstance(x, np.ndarray) else x


def fits(shape: Sequence[int], spec: Sequence[int]) -> bool:
    """True where the shape matches, an axis of -1 taking any size."""
    return len(shape) == len(spec) and all(s in (-1, n) for n, s in zip(shape, spec, strict=True))


def _layout_note(shape: Sequence[int], spec: Sequence[int]) -> str:
    if len(shape) == 4 and fits([shape[i] for i in (0, 3, 1, 2)], spec):
        return "it looks like NHWC where NCHW is expected: x.transpose(0, 3, 1, 2)"
    if len(shape) == 4 and fits([shape[i] for i in (0, 2, 3, 1)], spec):
        return "it looks like NCHW where NHWC is expected: x.transpose(0, 2, 3, 1)"
    if fits((1, *shape), spec):
        return "the batch axis is missing: x[None]"
    return "the config's [input] line sets the shape"


def unsupported(graph: Graph, side: str, engine: str) -> None:
    """Raise one error naming every layer of the graph that has no method for this engine."""
    problems = Problems()
    for node in graph.body:
        if getattr(node.layer, side) is None and not (side == "openvino" and node.layer.numpy is not None):
            problems.error(f"{node}: layer '{node.tag}' does not run on the {engine} engine", node.where)
    problems.raise_errors()
