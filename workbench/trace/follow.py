"""From a known tensor of the original to the next that a config line computes: past norm and activation, by kind."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable, Iterator, Mapping, Sequence

from torch.fx import Node as FxNode

from workbench.graph import Graph, Node
from workbench.trace.export import MARK
from workbench.trace.flow import tensors_of
from workbench.trace.ops import Exported, Operator, Value, canonical
from workbench.trace.span import ACTS, canonical_value
from workbench.trace.tie import Tie

# Operators that hand on their input.
PASSING = {"dropout", "contiguous", "clone", "alias", "detach", "to", "feature_dropout", "lift_fresh_copy"}
# The operators that a layer may be; a layer that is not listed may be any of matching inputs and shape.
KINDS = {
    "eltwise": {"add", "mul", "sub", "div", "maximum", "minimum"},
    "concat": {"cat", "concat", "concatenate", "stack"},
    "pool2d": {"max_pool2d", "avg_pool2d", "adaptive_avg_pool2d", "adaptive_max_pool2d", "mean", "amax"},
    "softmax": {"softmax"},
    "matmul": {"matmul", "bmm", "mm"},
    "reshape": {"reshape", "view", "flatten", "unflatten", "squeeze", "unsqueeze"},
    "trans": {"permute", "transpose", "movedim"},
    "chunk": {"chunk", "split", "split_with_sizes", "unbind"},
    "split": {"chunk", "split", "split_with_sizes", "unbind"},
    "bn": {"batch_norm"},
    "norm": {"layer_norm", "instance_norm", "group_norm"},
    "activation": {*ACTS},
}


class Follower:
    """Knows which tensor of the original each config tensor is, and finds those that come next."""

    def __init__(self, exported: Exported) -> None:
        self.exported = exported
        self.values: dict[str, Value] = {}
        self.names: dict[Value, Tie] = {}  # a module's output before an operator's, a first call before later ones
        for tie, value in sorted(exported.ties.items(), key=lambda item: (bool(item[0].op), item[0].call)):
            self.names.setdefault(canonical_value(value), tie)

    def know(self, node: Node, ties: Mapping[str, Tie]) -> None:
        self.values |= {t: canonical_value(self.exported.value(tie)) for t, tie in ties.items()
                        if tie in self.exported.ties}  # fmt: skip

    def of_input(self, graph: Graph, node: Node) -> Tie | None:
        """The model's only input of the line's shape, for an [input] line of floats or a preproc line."""
        spec = graph.specs[node.outputs[0]]
        fits = [t for t in self.exported.input_ties() if _fits(spec.shape, self._shape(self.exported.value(t)))]
        return fits[0] if len(fits) == 1 and spec.dtype not in ("u8", "i8") else None

    def after_kernel(self, graph: Graph, node: Node, kernel: Operator) -> Tie | None:
        """What the line computes beyond its kernel: the batch norm that it writes, then its activation."""
        value = Value(kernel.node)
        order = getattr(node.layer, "weight_order", "")
        norm = self._only(value, {"batch_norm"})
        if norm is not None and (set("rbmv") & set(order) or not self._has_bias(kernel)):
            value = Value(norm.node)
        if "a" in order or set("bm") & set(order) or norm is None:
            bias = self._only(value, {"add"})  # a bare product with a bias added: dense
            if bias is not None and not self._data(bias)[1:] and not self._has_bias(kernel):
                value = Value(bias.node)
        return self._finish(graph, node, value)

    def after_inputs(self, graph: Graph, node: Node) -> Tie | None:
        """The only operator of the layer's kind that takes the line's inputs, all of them known, and has its shape."""
        if not all(t in self.values for t in node.inputs):
            return None
        inputs = [self.values[t] for t in node.inputs]
        if node.tag == "activation":
            return self._finish(graph, node, inputs[0])
        kinds, fits = KINDS.get(node.tag), []
        for op in self._consumers(inputs[0]):
            if (kinds is None or op.name in kinds) and set(self._data(op)) == set(inputs) and _same_window(node, op):
                fits.append(self._finish(graph, node, Value(op.node)))
        ties = {tie for tie in fits if tie is not None}
        return ties.pop() if len(ties) == 1 else None

    def _finish(self, graph: Graph, node: Node, value: Value) -> Tie | None:
        """The tie of the value, past the line's act=, if it has the line's shape."""
        if node.act.name not in ("identity", "linear"):
            after = self._act(value, node.act.name)
            if after is None:
                return None
            value = after
        spec = graph.specs.get(node.outputs[0])
        shape = self._shape(value)
        return self.names.get(value) if spec is not None and _fits(spec.shape, shape) else None

    def _act(self, value: Value, act: str) -> Value | None:
        act = "silu" if act == "swish" else act
        for op in self._consumers(value):
            if ACTS.get(op.name) == act or (act == "gelu2" and op.name == "gelu") or (
                act in ("relu6", "clip") and op.name in ("hardtanh", "clamp")
            ):  # fmt: skip
                return Value(op.node)
            if act == "silu" and op.name == "mul":  # x * sigmoid(x), written out
                others = [v for v in self._data(op) if v != value]
                if any(
                    self.exported.by_node[v.node].name == "sigmoid" for v in others if v.node in self.exported.by_node
                ):
                    return Value(op.node)
        return None

    def _only(self, value: Value, names: set[str]) -> Operator | None:
        found = list(self._consumers(value))
        return found[0] if len(found) == 1 and found[0].name in names else None

    def _has_bias(self, kernel: Operator) -> bool:
        return any(name in ("bias", "self") and a is not None and kernel.name != "matmul"
                   for name, a in kernel.named_arguments())  # fmt: skip

    def _data(self, op: Operator) -> list[Value]:
        """The values that an operator reads, weights left out, through operators that hand on their input."""
        return list(dict.fromkeys(self._source(n) for n in op.node.all_input_nodes if n not in self.exported.constant))

    def _source(self, node: FxNode) -> Value:
        value = canonical(node)
        op = self.exported.by_node.get(value.node)
        if op is not None and op.name in PASSING:
            return self._source(value.node.all_input_nodes[0])
        return value

    def _consumers(self, value: Value) -> Iterator[Operator]:
        yield from dict.fromkeys(self._readers(self._holders(value)))

    def _holders(self, value: Value) -> Iterable[FxNode]:
        """The nodes that stand for the value: its own, or the getitem of an operator with several outputs."""
        if len(tensors_of(value.node)) == 1:
            return [value.node]
        return [n for n in value.node.users if n.target is operator.getitem and n.args[1] == value.out]

    def _readers(self, nodes: Iterable[FxNode]) -> Iterator[Operator]:
        for node in nodes:
            for user in node.users:
                op = self.exported.by_node.get(user)
                if user.target is MARK or op is None:
                    continue
                if op.name in PASSING:
                    yield from self._readers([user])
                else:
                    yield op

    def _shape(self, value: Value) -> tuple[int, ...]:
        return tuple(int(n) for n in self.exported.tensor(value).shape)


def _same_window(node: Node, op: Operator) -> bool:
    """Whether a pool's window is the line's, where both have one."""
    window, own = op.argument("kernel_size"), tuple(getattr(node.layer, "kernel", ()))
    return not window or not own or tuple(window) == own * (len(window) // len(own))


def _fits(config: Sequence[int], original: Sequence[int]) -> bool:
    """Whether the original's shape is the config's, whose batch may be open, -1."""
    return len(config) == len(original) and all(c in (-1, o) for c, o in zip(config, original, strict=True))


def same_shape(shape: Sequence[int]) -> tuple[int, ...]:
    """A kernel's shape without axes of size 1, as a dense layer and a 1x1 convolution have it alike."""
    return tuple(n for n in shape if n != 1) or (math.prod(shape),)
