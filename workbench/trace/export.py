"""torch.export with marks: the operator graph of a model, and in it the place where each module returned its tensors.

torch.export keeps each operator's module path but not what a module returned, so hooks call a `mark` operator, which
does nothing, while the export runs.
"""

from __future__ import annotations

import operator
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.fx import Graph, Node
from torch.fx.node import map_arg

from workbench.errors import WorkbenchError
from workbench.trace.example import Example, evaluating
from workbench.trace.hooks import hooked
from workbench.trace.tie import Tie

_LIBRARY = torch.library.Library("workbench", "DEF")
_LIBRARY.define("mark(Tensor x, str path, int call, int out) -> ()")
_LIBRARY.impl("mark", lambda x, path, call, out: None, "CompositeExplicitAutograd")
torch.library.register_fake("workbench::mark", lambda x, path, call, out: None, lib=_LIBRARY)
MARK = torch.fx.node.has_side_effect(torch.ops.workbench.mark.default)  # else the export drops it as dead code


def export(model: torch.nn.Module, example: Example) -> torch.export.ExportedProgram:
    """The model as one graph of ATen operators, with marks. `example` is bound; the shapes are its own.

    Raises WorkbenchError, with torch's reason, where the model cannot be exported (control flow that depends on data).
    """
    with evaluating(model), _attributes_kept(model), hooked(model, _mark), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return torch.export.export(model, example.args, example.kwargs, strict=False)
        except Exception as error:  # the model is the user's code, and torch.export raises many kinds
            reason = next((line for line in str(error).splitlines() if line.strip()), "")
            raise WorkbenchError(
                f"torch.export cannot follow {type(model).__name__}: {type(error).__name__}: {reason}",
                note="ties to modules still work; ties to operators (PATH/matmul.0) and exact spans do not",
            ) from error


@contextmanager
def _attributes_kept(model: torch.nn.Module) -> Iterator[None]:
    """Take back what the forward assigns: a detector would keep anchors that are tensors without data."""
    holders: list[Any] = []
    for module in model.modules():
        holders.append(vars(module))
        holders += [value for value in vars(module).values() if type(value) in (list, dict)]  # self.grid[i] = ...
    before = [(holder, holder.copy()) for holder in holders]
    try:
        yield
    finally:
        for holder, content in before:
            holder.clear()
            holder.extend(content) if isinstance(holder, list) else holder.update(content)


def _mark(tie: Tie, tensor: torch.Tensor) -> None:
    MARK(tensor, tie.path, tie.call, tie.out)


def inlined(module: torch.fx.GraphModule) -> Graph:
    """The module's graph, with the bodies of no_grad and autocast(enabled=False) blocks put in their place."""
    graph = Graph()
    graph.output(_copy(module, graph, {}))
    for node in list(graph.nodes):
        if node.op == "get_attr" and not node.users:
            graph.erase_node(node)
    return graph


def _copy(module: torch.fx.GraphModule, graph: Graph, env: dict[Node, Any], given: Iterator[Any] | None = None) -> Any:
    """Append the module's nodes to `graph`, `given` for its placeholders; what it returns."""
    for node in module.graph.nodes:
        if node.op == "output":
            return map_arg(node.args[0], env.__getitem__)
        if node.op == "placeholder" and given is not None:
            env[node] = next(given)
        elif _block(node):
            body = next(i for i, a in enumerate(node.args) if isinstance(a, Node) and a.op == "get_attr")
            inner = getattr(module, node.args[body].target)
            env[node] = _copy(inner, graph, {}, iter([map_arg(a, env.__getitem__) for a in node.args[body + 1 :]]))
        elif node.target is operator.getitem and _block(node.args[0]):
            env[node] = env[node.args[0]][node.args[1]]
        else:
            env[node] = graph.node_copy(node, env.__getitem__)
    return None


def _block(node: Node) -> bool:
    """Whether the node runs a no_grad or autocast block whose body may stand in its place."""
    if not isinstance(node.target, torch._ops.HigherOrderOperator):
        return False
    name = node.target.name()
    return name == "wrap_with_set_grad_enabled" or (name == "wrap_with_autocast" and not node.args[2])
