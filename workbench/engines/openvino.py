"""The engine that runs on any CPU: one openvino.Model built layer by layer from opset operators."""

from __future__ import annotations

import queue
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from workbench.engines import openvino_winograd
from workbench.engines.base import Arrays, Engine, Interface, Source, Weights, unsupported
from workbench.engines.file import drop_pages
from workbench.engines.rounding import rounded
from workbench.errors import WorkbenchError
from workbench.graph import DTYPES, Graph, Node, TensorSpec
from workbench.layers.activation import apply_act

CAPABILITIES = {"f32": "FP32", "bf16": "BF16", "f16": "FP16"}  # the plug-in's words


def lower(node: Node, w: Mapping[str, np.ndarray], x: Sequence[Any]) -> list[Any]:
    """The node's outputs (act= applied) as OpenVINO node outputs."""
    import openvino.opset15 as ov

    if node.layer.openvino is None:
        from workbench.engines.openvino_python import python_operator

        y = python_operator(node, dict(w), x)
    else:
        y = node.layer.openvino(ov, dict(w), *x)
    y = y if isinstance(y, list | tuple) else [y]
    y = [apply_act("openvino", ov, node.act, as_output(t)) for t in y]
    return [as_output(t) for t in y]


def as_output(t: Any) -> Any:
    """A single-output operator and its output are interchangeable in OpenVINO's Python; this makes it the output."""
    return t.output(0) if hasattr(t, "output") else t


def build_model(graph: Graph, weights: Weights, taps: Sequence[str] = ()) -> Any:
    """An openvino.Model whose results are the graph's outputs and then the taps, in order."""
    import openvino
    import openvino.opset15 as ov

    unsupported(graph, "openvino", "openvino")
    live: dict[str, Any] = {}
    feeds = []
    for name in graph.inputs:
        spec = graph.specs[name]
        feed = ov.parameter(openvino.PartialShape(list(spec.shape)), np.dtype(DTYPES[spec.dtype]), name=name)
        feeds.append(feed)
        live[name] = feed.output(0)
    for node in graph.body:
        try:
            y = lower(node, weights.get(node.index, {}), [live[t] for t in node.inputs])
        except RuntimeError as error:
            raise WorkbenchError(f"{node}: OpenVINO refuses this layer: {last_line(error)}", node.where) from error
        for t in y:
            t.get_node().set_friendly_name(f"{node.tag}:{node.outputs[0]}")
        live.update(zip(node.outputs, y, strict=True))
    results = [_result(ov, live[name], graph.specs[name]) for name in dict.fromkeys((*graph.outputs, *taps))]
    return openvino.Model(results, feeds, "workbench")


def last_line(error: Exception) -> str:
    """What OpenVINO says at the end of its many lines, or a Python operator before its traceback."""
    return str(error).split("\n\nAt:\n")[0].strip().splitlines()[-1]


def _result(ov: Any, t: Any, spec: TensorSpec) -> Any:
    """A result in the spec's dtype (OpenVINO's own index type is wider)."""
    kind = DTYPES[spec.dtype]
    if t.get_element_type().to_dtype() != np.dtype(kind):
        t = ov.convert(t, np.dtype(kind)).output(0)
    return ov.result(t)


def core() -> Any:
    """An openvino.Core. It is cheap to make; the plug-in it loads is shared by all of the process."""
    import openvino

    return openvino.Core()


def hints(precision: str, threads: int | None) -> dict[str, str]:
    """Everything explicit: the CPU plug-in's own default precision is bf16 where the processor has it."""
    native = precision if CAPABILITIES[precision] in core().get_property("CPU", "OPTIMIZATION_CAPABILITIES") else "f32"
    hints = {"INFERENCE_PRECISION_HINT": native, "PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": "1"}
    return hints | ({"INFERENCE_NUM_THREADS": str(threads)} if threads else {})


class OpenVINOEngine(Engine):
    """Runs a compiled OpenVINO model; one infer request per thread that is running at once.

    Where the processor has no bf16 or f16 arithmetic, the weights are rounded to it and the sums are float32.
    """

    name = "openvino"
    precisions = ("f32", "bf16", "f16")

    def __init__(
        self, compiled: Any, inputs: Mapping[str, TensorSpec], outputs: Mapping[str, TensorSpec], precision: str
    ) -> None:
        super().__init__(inputs, outputs, precision)
        self.compiled = compiled
        self._constants: Any = None  # what the compiled model may read as long as it lives
        self._idle: queue.SimpleQueue[Any] = queue.SimpleQueue()

    @classmethod
    def version(cls) -> str:
        import openvino

        return f"{cls.name} {openvino.__version__}"

    @classmethod
    def machine(cls) -> str:
        get = core().get_property
        own = openvino_winograd.available()
        abilities = [*sorted(get("CPU", "OPTIMIZATION_CAPABILITIES")), *([f"cpu_ops-{own.identity}"] if own else [])]
        return f"{get('CPU', 'FULL_DEVICE_NAME')}: {' '.join(abilities)}"

    @classmethod
    def open(
        cls, blob: np.ndarray, interface: Interface, precision: str, threads: int | None, source: Source
    ) -> OpenVINOEngine:
        import openvino

        from workbench.engines.openvino_python import operator_class

        reader = core()
        reader.add_extension(operator_class())
        if own := openvino_winograd.available():
            reader.add_extension(str(own.path))
        try:
            read_in_place = openvino.Tensor(np.asarray(blob), shared_memory=True)
            compiled = reader.import_model(read_in_place, "CPU", hints(precision, threads))
        except RuntimeError as error:
            raise WorkbenchError(f"OpenVINO cannot read the compiled network: {last_line(error)}") from error
        opened = cls(compiled, *interface, precision)
        opened._constants = read_in_place
        drop_pages(blob)  # most were only to be copied, each in the order that its kernel wants
        return opened

    def blob(self) -> np.ndarray:
        return np.frombuffer(self.compiled.export_model().getvalue(), np.uint8)

    @classmethod
    def build(
        cls,
        graph: Graph,
        weights: Weights,
        *,
        precision: str = "f32",
        taps: Sequence[str] = (),
        threads: int | None = None,
    ) -> OpenVINOEngine:
        """Build from a graph whose shapes are inferred and weights by node index."""
        outputs = dict.fromkeys((*graph.outputs, *taps))
        options = hints(precision, threads)
        if precision != "f32" and options["INFERENCE_PRECISION_HINT"] == "f32":
            weights = {i: rounded(w, precision) for i, w in weights.items()}
        model = build_model(graph, weights, taps)
        if options["INFERENCE_PRECISION_HINT"] == "f32":
            openvino_winograd.use_winograd(model)
        try:
            compiled = core().compile_model(model, "CPU", options)
        except RuntimeError as error:
            raise WorkbenchError(f"OpenVINO cannot compile this network: {last_line(error)}", graph.file) from error
        return cls(compiled, {n: graph.specs[n] for n in graph.inputs}, {n: graph.specs[n] for n in outputs}, precision)

    def _run_impl(self, feeds: Arrays) -> Arrays:
        request = self._request()
        try:
            results = request.infer([feeds[name] for name in self.inputs], share_inputs=True, share_outputs=False)
            return {name: results[i] for i, name in enumerate(self.outputs)}
        except RuntimeError as error:
            raise WorkbenchError(f"OpenVINO failed while running: {last_line(error)}") from error
        finally:
            self._idle.put(request)

    def _request(self) -> Any:
        try:
            return self._idle.get_nowait()
        except queue.Empty:
            return self.compiled.create_infer_request()

    def _close_impl(self) -> None:
        while not self._idle.empty():
            self._idle.get_nowait()
        self.compiled = self._constants = None
