"""One layer as a network of its own: to run its kernel on arrays, and to check it."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence

import numpy as np

from workbench.engines import engine_class
from workbench.engines.base import Arrays, Engine
from workbench.graph import DTYPES, Graph, Node, TensorSpec
from workbench.layers import LAYERS, Layer
from workbench.layers.base import Ints
from workbench.layers.input import Input

Stored = tuple[tuple[str, bytes, tuple[int, ...]], ...]  # weights that can be compared: letter, bytes, shape
WORDS = {numpy: word for word, numpy in DTYPES.items()}


def graph_of(layer: Layer, x: Sequence[TensorSpec], gaps: bool = False) -> Graph:
    """The layer alone. gaps: its inputs of two and more axes come through a transposition, so not as they lie."""
    nodes: list[Node] = []
    specs: dict[str, TensorSpec] = {}

    def add(layer: Layer, inputs: tuple[str, ...], outputs: tuple[str, ...]) -> None:
        specs.update(zip(outputs, layer.infer(*[specs[n] for n in inputs]), strict=True))
        nodes.append(Node(len(nodes), layer, inputs, outputs))

    names = []
    for i, spec in enumerate(x):
        turned = gaps and len(spec.shape) > 1
        shape = spec.shape[:-2] + spec.shape[:-3:-1] if turned else spec.shape
        add(Input(shape=Ints(",".join(map(str, shape))), dtype=spec.dtype), (), (f"X{i}",))  # type: ignore[call-arg]
        names.append(f"X{i}")
        if turned:
            order = [*range(len(shape) - 2), len(shape) - 1, len(shape) - 2]
            add(LAYERS["trans"].parse({"order": ",".join(map(str, order))}), (f"X{i}",), (f"T{i}",))
            names[-1] = f"T{i}"
    outputs = tuple(f"Y{i}" for i in range(layer.outputs))
    add(layer, tuple(names), outputs)
    return Graph(nodes, outputs, specs=specs)


def feeds_of(graph: Graph, x: Sequence[np.ndarray]) -> Arrays:
    """The layer's inputs as the graph's feeds."""
    turned = {node.inputs[0] for node in graph.nodes[:-1] if node.tag == "trans"}
    pairs = zip(graph.inputs, x, strict=True)
    return {n: np.ascontiguousarray(a.swapaxes(-1, -2)) if n in turned else a for n, a in pairs}


def engine_of(name: str, graph: Graph, w: Mapping[str, np.ndarray], precision: str = "f32") -> Engine:
    """An engine of the graph; the layer under test is its last node."""
    return engine_class(name).build(graph, {graph.nodes[-1].index: dict(w)}, precision=precision)


def run_alone(layer: Layer, x: Sequence[np.ndarray], w: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    """The layer's outputs by its kernel in the emulator."""
    specs = tuple(TensorSpec(a.shape, WORDS[str(a.dtype)]) for a in x)
    engine = _kept(
        layer,
        str(getattr(layer, "kernel", "")),
        specs,
        tuple((letter, a.tobytes(), a.shape) for letter, a in w.items()),
    )
    return list(engine.run(dict(zip(engine.inputs, x, strict=True)), check=False).values())


@functools.lru_cache(maxsize=8)  # an engine calls its operators with the same shapes at every run
def _kept(layer: Layer, source: str, specs: tuple[TensorSpec, ...], weights: Stored) -> Engine:
    w = {letter: np.frombuffer(data, np.float32).reshape(shape) for letter, data, shape in weights}
    return engine_of("emulator", graph_of(layer, specs), w)
