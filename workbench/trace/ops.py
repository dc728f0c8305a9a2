"""Operator level: the original as a graph of operators with module paths, its data flow, and an interpreter over it."""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch.fx import Node
from torch.fx.node import map_arg
from torch.utils import _pytree as pytree

from workbench.errors import WorkbenchError
from workbench.graph import Graph
from workbench.trace.example import Example, evaluating, tensors_in
from workbench.trace.export import MARK, export, inlined
from workbench.trace.flow import data_flow, operator_name, storages, tensors_of
from workbench.trace.hooks import Seen, own_name
from workbench.trace.tie import Tie, as_tie, unknown_tie

if TYPE_CHECKING:
    from workbench.trace.span import Span


class Recorded(NamedTuple):
    """One tensor that a trace can give: its tie, shape and dtype (numpy's word)."""

    tie: Tie
    shape: tuple[int, ...]
    dtype: str


class Value(NamedTuple):
    """One tensor in the graph: an operator's node and which of its outputs."""

    node: Node
    out: int = 0


@dataclass(frozen=True, eq=False)
class Operator:
    """One operator call: ATen's name without overload and trailing underscore, and the tie of its first output."""

    name: str
    tie: Tie
    node: Node

    def argument(self, name: str) -> Any:
        """An argument by the name it has in ATen's schema, its default where it was not given."""
        for i, a in enumerate(self.node.target._schema.arguments):  # type: ignore[union-attr]
            if a.name == name:
                return self.node.kwargs.get(name, self.node.args[i] if i < len(self.node.args) else a.default_value)
        return None

    def named_arguments(self) -> Iterator[tuple[str, Any]]:
        """(schema's name, argument) of what was given; the position stands for a name where there is no schema."""
        names = [a.name for a in getattr(getattr(self.node.target, "_schema", None), "arguments", ())]
        for i, argument in enumerate(self.node.args):
            yield (names[i] if i < len(names) else str(i)), argument
        yield from self.node.kwargs.items()

    def reads(self, other: Operator) -> bool:
        """Whether it takes the other's output as it is."""
        return other.node in self.node.all_input_nodes

    def __str__(self) -> str:
        return str(self.tie)


class Exported:
    """The operator graph of a model on one example; built once (1-2 s) and reused.

    Raises WorkbenchError where torch.export cannot follow the model.
    """

    def __init__(self, model: torch.nn.Module, example: Any) -> None:
        self.model = model
        self.example = Example.of(example).bound(model)
        self._program = export(model, self.example)
        self.graph = inlined(self._program.graph_module)
        self.names = self._weight_names()
        self.inputs: list[Node] = []  # the placeholders of the input tensors
        self.operators: list[Operator] = []
        self.ties: dict[Tie, Value] = {}  # in execution order; a module's output is a Value of its mark
        self._name_values()
        self.order = {node: i for i, node in enumerate(self.graph.nodes)}
        self.by_node = {op.node: op for op in self.operators}
        self.depends = data_flow(self.graph)
        self.constant = self._constants()

    def paths(self) -> list[Recorded]:
        """Every tensor that can be recorded, in execution order; runs nothing."""
        return [Recorded(tie, *spec_of(self.tensor(value))) for tie, value in self.ties.items()]

    def value(self, tie: Tie | str) -> Value:
        """Raises WorkbenchError, with the nearest ties, where the model has no such tensor."""
        tie = as_tie(tie)
        if tie not in self.ties:
            raise unknown_tie(tie, self.ties)
        return self.ties[tie]

    def tensor(self, value: Value) -> torch.Tensor:
        """A tensor without data that has the value's shape and dtype."""
        node = value.node.args[0] if value.node.target is MARK else value.node
        return tensors_of(node)[value.out]  # type: ignore[arg-type]

    def input_ties(self) -> list[Tie]:
        """The ties of the model's inputs, in order."""
        return [Tie(own_name(self.model, "input"), out=i) for i in range(len(self.inputs))]

    def span(self, targets: Iterable[Tie | str], inputs: Iterable[Tie | str]) -> Span:
        """All operators that the targets depend on, back to the inputs; see `span.span`."""
        from workbench.trace.span import span

        return span(self, targets, inputs)

    def spans(self, graph: Graph, nodes: Collection[int] | None = None) -> dict[int, Span | WorkbenchError]:
        """The span of every tied node of a config, or of those among `nodes`; see `span.graph_spans`."""
        from workbench.trace.span import graph_spans

        return graph_spans(self, graph, nodes)

    def run(self, seen: Seen, wanted: Iterable[Tie] | None = None, example: Any = None) -> list[torch.Tensor]:
        """Run operator by operator, calling `seen` with each wanted tensor as soon as it exists; the model's outputs.

        Every tensor is freed after its last use, as in the model itself.
        """
        example = self.example if example is None else Example.of(example).bound(self.model)
        ties: dict[Node, list[Tie]] = {}
        for tie in self.ties if wanted is None else wanted:
            ties.setdefault(self.value(tie).node, []).append(tie)
        with evaluating(self.model):
            interpreter = _Interpreter(self._program.graph_module, self.graph, ties, seen)
            return tensors_in(interpreter.run(*self._feeds(example.copy())))

    def evaluate(self, node: Node, weights: Mapping[str, torch.Tensor] | None = None) -> torch.Tensor:
        """The value of a node of `constant`, from these weights by name or else from the model's own."""
        env: dict[Node, Any] = {}
        with torch.no_grad():
            for n in self.upstream(node):
                if n.op == "placeholder":
                    name = self.names[n]
                    env[n] = weights[name] if weights and name in weights else self._own(name)
                else:
                    args, kwargs = map_arg((n.args, n.kwargs), lambda a: env[a] if a in env else _empty(a))
                    env[n] = n.target(*args, **kwargs)  # type: ignore[operator]
        return env[node]

    def upstream(self, node: Node) -> list[Node]:
        """The node and all that its value depends on, in execution order."""
        seen, todo = {node}, [node]
        while todo:
            for n in self.depends[todo.pop()]:
                if n not in seen:
                    seen.add(n)
                    todo.append(n)
        return sorted(seen, key=self.order.__getitem__)

    def live_bytes(self) -> int:
        """The largest sum of the tensors alive at once during a run, weights left out."""
        root, size, last = storages(self.graph), {}, {}
        for node in self.graph.nodes:
            for n in (node, *node.all_input_nodes):
                last[root[n]] = node
            if root[node] is node and node not in self.names and node.op != "output":
                size[node] = sum(t.numel() * t.element_size() for t in tensors_of(node))
        ends: dict[Node, list[Node]] = {}
        for node, end in last.items():
            ends.setdefault(end, []).append(node)
        live = most = 0
        for node in self.graph.nodes:
            live += size.get(node, 0)
            most = max(most, live)
            live -= sum(size.get(n, 0) for n in ends.get(node, ()))
        return most

    def _weight_names(self) -> dict[Node, str]:
        """The placeholders of parameters, buffers and constant tensors, and the first name each has in the model."""
        first: dict[int, str] = {}
        for name, tensor in [*self.model.named_parameters(), *self.model.named_buffers()]:
            first.setdefault(id(tensor), name)
        names = {}
        nodes = [n for n in self.graph.nodes if n.op == "placeholder"]
        for node, spec in zip(nodes, self._program.graph_signature.input_specs, strict=True):
            if spec.kind.name in ("PARAMETER", "BUFFER", "CONSTANT_TENSOR"):
                names[node] = first.get(id(self._own(spec.target)), spec.target)
        return names

    def _own(self, name: str) -> torch.Tensor:
        """The model's parameter or buffer of that name, or a constant of the export."""
        constant = self._program.constants.get(name)
        return operator.attrgetter(name)(self.model) if constant is None else constant

    def _feeds(self, example: Example) -> list[Any]:
        leaves = iter(pytree.tree_leaves((example.args, example.kwargs)))
        feeds = [self._own(self.names[n]) if n in self.names else next(leaves)
                 for n in self.graph.nodes if n.op == "placeholder"]  # fmt: skip
        for i, node in enumerate(self.inputs):
            got, want = list(example.tensors()[i].shape), list(tensors_of(node)[0].shape)
            if got != want:
                raise WorkbenchError(f"input {i} of the model: expected the shape {want} that it was exported with; "
                                     f"got {got}", note="export it again for another shape")  # fmt: skip
        return feeds

    def _name_values(self) -> None:
        """Fill inputs, operators and ties: an operator's path is the module whose forward called it."""
        own = own_name(self.model, "output")
        marked = {_stack(n): (n.args[1], n.args[2]) for n in self.graph.nodes if n.target is MARK and n.args[1] != own}
        counts: Counter[tuple[str, int, str]] = Counter()
        root = own_name(self.model, "input")
        for node in self.graph.nodes:
            outs = range(len(tensors_of(node)))
            if node.op == "placeholder" and node not in self.names and outs:
                self.ties[Tie(root, out=len(self.inputs))] = Value(node)
                self.inputs.append(node)
            elif node.target is MARK:
                path, call, out = node.args[1:]
                self.ties[Tie(path, call, out=out)] = Value(node)
            elif node.op == "call_function" and node.target is not operator.getitem and outs:
                path, call = marked.get(_stack(node)) or _parse_stack(_stack(node))
                name = operator_name(node)
                tie = Tie(path, call, name, counts[path, call, name])
                counts[path, call, name] += 1
                self.operators.append(Operator(name, tie, node))
                self.ties.update({tie._replace(out=i): Value(node, i) for i in outs})

    def _constants(self) -> set[Node]:
        """The nodes whose values depend on no input and on no random numbers."""
        constant = set(self.names)
        for node in self.graph.nodes:
            if node.op == "call_function" and all(n in constant for n in self.depends[node]):
                random = torch.Tag.nondeterministic_seeded in getattr(node.target, "tags", ())
                if node.target is not MARK and not random:
                    constant.add(node)
        return constant


class _Interpreter(torch.fx.Interpreter):
    """Runs the graph, freeing what is no longer used, and shows the wanted tensors at the moment they exist."""

    def __init__(self, module: Any, graph: torch.fx.Graph, ties: Mapping[Node, list[Tie]], seen: Seen) -> None:
        super().__init__(module, graph=graph)
        self._ties, self._seen = ties, seen

    def run_node(self, node: Node) -> Any:
        if node.target is MARK:
            result, tensors = None, [self.env[node.args[0]]] if node in self._ties else []  # type: ignore[index]
        else:
            result = super().run_node(node)
            tensors = tensors_in(result) if node in self._ties else []
        for tie in self._ties.get(node, ()):
            self._seen(tie, tensors[0 if node.target is MARK else tie.out if tie.op else 0])
        return result


def canonical(node: Node) -> Value:
    """The value that a node holds: its operator's output, through getitem and marks."""
    if node.target is MARK:
        return canonical(node.args[0])  # type: ignore[arg-type]
    if node.target is operator.getitem:
        return Value(node.args[0], node.args[1])  # type: ignore[arg-type]
    return Value(node)


def _empty(node: Node) -> torch.Tensor:
    """For an operator that looks only at the shape and dtype of what the node gives."""
    tensor = tensors_of(node)[0]
    return torch.empty(tensor.shape, dtype=tensor.dtype)


def spec_of(tensor: torch.Tensor) -> tuple[tuple[int, ...], str]:
    """Shape and dtype; -1 for a size that depends on values (x[mask])."""
    dtype = str(tensor.dtype).removeprefix("torch.")
    return tuple(n if isinstance(n, int) else -1 for n in tensor.shape), "float32" if dtype == "bfloat16" else dtype


def _stack(node: Node) -> tuple[str, str]:
    """torch.export's key (with its own @call) and path of the innermost module that the node ran in."""
    stack = node.meta.get("nn_module_stack") or {"": ("", None)}
    key, entry = next(reversed(stack.items()))
    return key, entry[0]


def _parse_stack(stack: tuple[str, str]) -> tuple[str, int]:
    key, path = stack
    call = key.rpartition("@")[2] if "@" in key else "0"
    return path.partition("@")[0], int(call)
