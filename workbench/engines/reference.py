"""The meaning of every layer, run with torch: slow, exact, the side that the others are checked against."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from workbench.engines.base import Arrays, Engine, Weights, unsupported
from workbench.graph import DTYPES, Graph, Node
from workbench.layers.activation import apply_act


def tensors(arrays: Mapping[str, np.ndarray], dtype: Any) -> dict[str, Any]:
    """Arrays as torch tensors; floating ones in `dtype` (integers up to 24 bits are images and fit it exactly)."""
    return {name: tensor(a, dtype) for name, a in arrays.items()}


def tensor(array: np.ndarray, dtype: Any) -> Any:
    import torch

    t = torch.from_numpy(np.require(array, requirements=["C", "W"]))  # torch warns of arrays it could not write to
    return t.to(dtype) if array.dtype.kind == "f" or (array.dtype.itemsize == 1 and array.dtype.kind in "iu") else t


def evaluate(node: Node, w: Mapping[str, Any], x: Sequence[Any]) -> list[Any]:
    """The node's outputs, act= applied, from torch weights and inputs of one floating dtype."""
    import torch

    with torch.inference_mode():
        y = node.layer.reference(torch, dict(w), *x)
        return [apply_act("torch", torch, node.act, t) for t in (y if isinstance(y, list | tuple) else [y])]


def evaluate_graph(graph: Graph, weights: Weights, feeds: Arrays, precision: str, taps: Sequence[str] = ()) -> Arrays:
    """The graph's outputs and taps in float32 ("f32") or float64 ("f64"), whatever float the feeds are in."""
    import torch

    dtype = torch.float64 if precision == "f64" else torch.float32
    live = tensors(feeds, dtype)
    last, keep = graph.last_use(), dict.fromkeys((*graph.outputs, *taps))
    for node in graph.body:
        y = evaluate(node, tensors(weights.get(node.index, {}), dtype), [live[t] for t in node.inputs])
        # const and matrix have no input whose dtype they could follow
        y = [t.to(dtype) if t.is_floating_point() else t for t in y]
        live.update(zip(node.outputs, y, strict=True))
        for name in {*node.inputs, *node.outputs} - keep.keys():
            if last[name] <= node.index:
                del live[name]
    return {name: to_numpy(live[name], graph.specs[name].dtype) for name in keep}


class ReferenceEngine(Engine):
    """Runs the graph node by node with torch, in float32 or (for noise measurements) float64."""

    name = "reference"
    precisions = ("f32", "f64")

    def __init__(self, graph: Graph, weights: Weights, *, precision: str = "f32", taps: Sequence[str] = (), **_: Any):
        unsupported(graph, "reference", self.name)
        outputs = dict.fromkeys((*graph.outputs, *taps))
        super().__init__({n: graph.specs[n] for n in graph.inputs}, {n: graph.specs[n] for n in outputs}, precision)
        self._graph, self._weights, self._taps = graph, weights, taps

    @classmethod
    def build(cls, graph: Graph, weights: Weights, **options: Any) -> ReferenceEngine:
        return cls(graph, weights, **options)

    def _run_impl(self, feeds: Arrays) -> Arrays:
        return evaluate_graph(self._graph, self._weights, feeds, self.precision, self._taps)


def to_numpy(t: Any, dtype: str) -> np.ndarray:
    """A tensor as an array of the spec's dtype; floats keep the dtype they were computed in."""
    array = t.contiguous().numpy()
    return array if dtype == "f32" else array.astype(DTYPES[dtype], copy=False)
