"""From a graph to steps: every layer's `cuda` in file order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from workbench.engines.base import Weights, unsupported
from workbench.engines.cuda.plan import Plan
from workbench.engines.cuda.steps import Lowered, Step
from workbench.engines.cuda.storage import fed_dtype
from workbench.engines.cuda.tensor import Tensor
from workbench.errors import WorkbenchError
from workbench.graph import Graph, Node, TensorSpec


def lower(graph: Graph, weights: Weights, storage: str, taps: Sequence[str] = (), engine: str = "cuda") -> Lowered:
    """The steps of a graph whose shapes are inferred and closed.

    Raises one error for all layers that the engine does not have, and for a layer whose kernels do not fit.
    """
    unsupported(graph, "cuda", engine)
    steps: list[Step] = []
    inputs = {name: _fed(name, graph.specs[name]) for name in graph.inputs}
    live = dict(inputs)
    ready: dict[Tensor, Tensor] = {}  # tensors as layers take them: floats in the engine's storage, without gaps
    for node in graph.body:
        plan = Plan(node, _closed(graph, node, live), storage, steps)
        x = [_ready(plan, live[t], node.layer.strided, ready) for t in node.inputs]
        y = _lower_node(plan, x, weights)
        used = next((t.used for t in x if t.used is not None), None)
        for name, t in zip(node.outputs, y, strict=True):
            live[name] = t.in_use((t.used or used) if graph.specs[name].shape[:1] == (-1,) else None)
    outputs = {}
    for name in dict.fromkeys((*graph.outputs, *taps)):
        plan = Plan(graph.producer()[name], [graph.specs[name]], storage, steps)
        outputs[name] = _given(plan, live[name], graph.specs[name]).in_use(live[name].used)
    return Lowered(steps, inputs, outputs)


def _closed(graph: Graph, node: Node, live: Mapping[str, Tensor]) -> list[TensorSpec]:
    """The node's output specs; where an input is in use only in part, an open axis 0 is as long as all of it."""
    rows = next((live[t].shape[0] for t in node.inputs if live[t].used is not None), -1)
    specs = [graph.specs[t] for t in node.outputs]
    return [TensorSpec((rows, *s.shape[1:]), s.dtype) if s.shape[:1] == (-1,) else s for s in specs]


def _lower_node(plan: Plan, x: list[Tensor], weights: Weights) -> list[Tensor]:
    node = plan.node
    try:
        y = node.layer.cuda(plan, x, dict(weights.get(node.index, {})))
    except ValueError as error:
        raise WorkbenchError(f"{node}: the kernels cannot do this: {error}", node.where) from error
    y = list(y) if isinstance(y, list | tuple) else [y]
    for t, spec in zip(y, plan.specs, strict=True):
        if t.shape[1:] != spec.shape[1:] or t.shape[:1] != spec.shape[:1] != (-1,):
            raise WorkbenchError(f"{node}: cuda() gave {t.dtype}{list(t.shape)}; infer() states {spec}", node.where)
    return [a.in_use(t.used) for a, t in zip(plan.activated(y), y, strict=True)]


def _fed(name: str, spec: TensorSpec) -> Tensor:
    return Tensor.new(spec.shape, fed_dtype(spec.dtype), name)


def _ready(plan: Plan, x: Tensor, strided: bool, ready: dict[Tensor, Tensor]) -> Tensor:
    """x as a layer takes it; cast and copied once for all its readers."""
    if x not in ready:
        ready[x] = (plan.cast(x) if x.floating else x).in_use(x.used)
    x = ready[x]
    if strided or x.packed:
        return x
    if x not in ready or not ready[x].packed:
        ready[x] = plan.packed(x).in_use(x.used)
    return ready[x]


def _given(plan: Plan, x: Tensor, spec: TensorSpec) -> Tensor:
    """The tensor as the caller gets it: without gaps, in the config's dtype."""
    return plan.cast(plan.packed(x), spec.dtype) if x.floating else plan.packed(x)
