"""Spans: the operators between a config line's ties, and the weights they read, by the letters of weight_order."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch.fx import Node

from workbench.errors import WorkbenchError
from workbench.graph import Graph
from workbench.trace.export import MARK
from workbench.trace.flow import tensors_of
from workbench.trace.ops import Exported, Operator, Value, canonical
from workbench.trace.tie import Tie, frontier, graph_ties

if TYPE_CHECKING:
    from workbench.trace.modules import ModuleCall, Modules

KERNELS = {"conv1d", "conv2d", "conv3d", "convolution", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d",
           "linear", "addmm", "matmul", "mm", "bmm"}  # fmt: skip
NORMS = {"batch_norm", "layer_norm", "group_norm", "instance_norm", "rms_norm"}
RECURRENT = {"lstm", "gru", "rnn_tanh", "rnn_relu"}
NORM_LETTERS = {"weight": "r", "bias": "b", "running_mean": "m", "running_var": "v"}
# x @ W holds [in, out] where a kernel is [out, in].
TRANSPOSED = {("matmul", "other"), ("mm", "mat2"), ("addmm", "mat2")}
# ATen's activations by the config's words.
ACTS = {"relu": "relu", "relu6": "relu6", "silu": "silu", "leaky_relu": "leaky", "sigmoid": "sigmoid", "tanh": "tanh",
        "gelu": "gelu", "elu": "elu", "selu": "selu", "softplus": "softplus", "hardsigmoid": "hard_sigmoid",
        "hardtanh": "clip", "mish": "mish", "hardswish": "hardswish", "prelu": "prelu"}  # fmt: skip


class SpanWeight(NamedTuple):
    """A weight that an operator of a span reads.

    `read(state)` gives its value as the operator reads it, from these weights or else (None) the model's own.
    `letter` is empty for a recurrent layer's tensors, which come in PyTorch's order, and "w" for a parameter that is
    no kernel (`plain`). `names` are those of the parameters and buffers that its value is computed from: often one.
    """

    letter: str
    operator: Operator | ModuleCall
    names: tuple[str, ...]
    read: Callable[[Mapping[str, torch.Tensor] | None], torch.Tensor]
    size: int  # floats
    transposed: bool = False
    plain: bool = False

    @property
    def name(self) -> str:
        return "+".join(self.names)


class Span(NamedTuple):
    """The operators between a line's ties, in execution order, and what they read.

    `escapes` are inputs of the model that the span reaches past the line's own inputs: then its ties do not enclose it.
    """

    operators: tuple[Operator | ModuleCall, ...]
    weights: tuple[SpanWeight, ...]
    escapes: tuple[Tie, ...]

    @property
    def kernels(self) -> list[Operator | ModuleCall]:
        """The convolutions and matrix products with a weight."""
        return list(dict.fromkeys(w.operator for w in self.weights if w.letter == "w" and not w.plain))

    @property
    def norms(self) -> list[Operator | ModuleCall]:
        return [op for op in self.operators if op.name in NORMS]

    @property
    def eps(self) -> list[float]:
        return [float(op.argument("eps")) for op in self.norms]

    @property
    def acts(self) -> list[str]:
        """Activations by the config's words (gelu2 for the tanh approximation), in order."""
        return ["gelu2" if op.name == "gelu" and op.argument("approximate") == "tanh" else ACTS[op.name]
                for op in self.operators if op.name in ACTS]  # fmt: skip


def span(exported: Exported, targets: Iterable[Tie | str], inputs: Iterable[Tie | str]) -> Span:
    """All operators that the targets depend on, back to the inputs. Raises WorkbenchError for an unknown tie."""
    stops = {canonical_value(exported.value(t)) for t in inputs}
    todo = [exported.value(t).node for t in targets]
    found: set[Node] = set()
    while todo:
        node = todo.pop()
        if node in found or node in exported.constant or (node.target is not MARK and canonical(node) in stops):
            continue
        found.add(node)
        todo += exported.depends[node]
    nodes = sorted(found, key=exported.order.__getitem__)
    operators = tuple(exported.by_node[n] for n in nodes if n in exported.by_node)
    escapes = tuple(tie for tie in exported.input_ties() if exported.ties[tie].node in found)
    return Span(operators, tuple(w for op in operators for w in weights_of(exported, op)), escapes)


def canonical_value(value: Value) -> Value:
    return canonical(value.node) if value.node.target is MARK else value


def weights_of(exported: Exported, op: Operator) -> list[SpanWeight]:
    """The weights among an operator's arguments, with the letters that its kind gives them."""
    found = []
    for argument, value in op.named_arguments():
        for node in value if isinstance(value, list | tuple) else [value]:
            if isinstance(node, Node) and node in exported.constant and tensors_of(node):
                names = tuple(exported.names[n] for n in exported.upstream(node) if n in exported.names)
                if names:
                    letter, plain = _letter(op.name, argument)
                    value = tensors_of(node)[0]
                    transposed = (op.name, argument) in TRANSPOSED and value.dim() == 2
                    read = partial(exported.evaluate, node)
                    found.append(SpanWeight(letter, op, names, read, value.numel(), transposed, plain))
    return found


def _letter(op: str, argument: str) -> tuple[str, bool]:
    """The letter of a weight, and whether it is a plain parameter rather than a kernel, bias or statistic."""
    if op in NORMS and argument in NORM_LETTERS:
        return NORM_LETTERS[argument], False
    if op in RECURRENT:
        return "", False
    if op in KERNELS:
        return ("a", False) if argument in ("bias", "self") and op != "matmul" else ("w", False)
    return "w", not (op == "embedding" and argument == "weight")


def graph_spans(
    original: Exported | Modules, graph: Graph, nodes: Collection[int] | None = None
) -> dict[int, Span | WorkbenchError]:
    """The span of every tied node (of those among `nodes`) by index; an error, with its line, where a tie is unknown.

    An input without a tie is traced back to the nearest tied tensors; an untied [input] stands for the model's inputs.
    """
    ties = graph_ties(graph)
    spans: dict[int, Span | WorkbenchError] = {}
    for node in graph:
        targets = [ties[t] for t in node.outputs if t in ties]
        if not targets or (nodes is not None and node.index not in nodes):
            continue
        inputs, untied = frontier(graph, node, ties)
        if untied:
            inputs.update(original.input_ties())
        try:
            spans[node.index] = original.span(targets, inputs)
        except WorkbenchError as error:
            spans[node.index] = error.at(node.where, str(node))
    return spans
