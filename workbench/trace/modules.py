"""Spans by modules alone, for models that torch.export cannot follow: coarser, and only for ties to modules."""

from __future__ import annotations

import operator
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import nn

from workbench.errors import WorkbenchError
from workbench.graph import Graph
from workbench.trace.example import Example
from workbench.trace.hooks import own_name, run_hooked
from workbench.trace.span import NORM_LETTERS, NORMS, RECURRENT, Span, SpanWeight, graph_spans
from workbench.trace.tie import Tie, as_tie, unknown_tie

# ATen's operators by the modules that are one of them and hold weights.
OPERATORS = {
    nn.Conv1d: "conv1d", nn.Conv2d: "conv2d", nn.Conv3d: "conv3d", nn.ConvTranspose1d: "conv_transpose1d",
    nn.ConvTranspose2d: "conv_transpose2d", nn.ConvTranspose3d: "conv_transpose3d", nn.Linear: "linear",
    nn.modules.batchnorm._BatchNorm: "batch_norm", nn.modules.instancenorm._InstanceNorm: "instance_norm",
    nn.LayerNorm: "layer_norm", nn.GroupNorm: "group_norm", nn.Embedding: "embedding", nn.LSTM: "lstm", nn.GRU: "gru",
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class ModuleCall:
    """One call of a module with weights of its own, seen as the operator that it is."""

    name: str
    tie: Tie
    module: nn.Module
    after: Tie | None  # the call before it, of a module with the same parent

    def argument(self, name: str) -> Any:
        return getattr(self.module, name)

    def reads(self, other: ModuleCall) -> bool:
        return self.after == other.tie


class Modules:
    """The module calls of one run. Its spans hold the module that a tie names and, where that has no kernel, the
    siblings called just before it, back to the first that has one; the line's input ties end them sooner.
    """

    def __init__(self, model: nn.Module, example: Any) -> None:
        self.model, self.example = model, Example.of(example).bound(model)
        self.ended: dict[Tie, int] = {}  # in the order in which the calls returned
        run_hooked(model, self.example, self._end)
        self.calls: dict[Tie, ModuleCall] = {}
        last: dict[str, Tie] = {}
        for tie in self.ended:
            if tie.path != own_name(model, "output") and not tie.out:
                module, parent = model.get_submodule(tie.path), tie.path.rpartition(".")[0]
                name = next((op for kind, op in OPERATORS.items() if isinstance(module, kind)), "")
                if name:
                    self.calls[tie] = ModuleCall(name, tie, module, last.get(parent))
                last[parent] = tie

    def _end(self, tie: Tie, tensor: torch.Tensor) -> None:
        self.ended[tie] = len(self.ended)

    def input_ties(self) -> list[Tie]:
        return [Tie(own_name(self.model, "input"), out=i) for i in range(len(self.example.tensors()))]

    def spans(self, graph: Graph, nodes: Collection[int] | None = None) -> dict[int, Span | WorkbenchError]:
        return graph_spans(self, graph, nodes)

    def span(self, targets: Iterable[Tie | str], inputs: Iterable[Tie | str]) -> Span:
        """Raises WorkbenchError for ties to operators, which need an export, and for unknown ties."""
        nearer = [tie for tie in map(as_tie, inputs) if not tie.op and tie not in self.input_ties()]
        stop = max(map(self._ended, nearer), default=-1)
        found: dict[Tie, ModuleCall] = {}
        for tie in map(as_tie, targets):
            if tie in self.input_ties():
                continue
            end = self._ended(tie)
            inside = [t for t in self.calls if stop < self.ended[t] <= end and _holds(tie.path, t.path)]
            if all(self.calls[t].name in NORMS for t in inside):
                inside += self._before(tie, stop)
            found.update((t, self.calls[t]) for t in inside)
        calls = tuple(sorted(found.values(), key=lambda c: self.ended[c.tie]))
        return Span(calls, tuple(w for call in calls for w in _weights(call)), ())

    def _before(self, tie: Tie, stop: int) -> list[Tie]:
        """The siblings with weights called before a module without a kernel, back to the first that has one."""
        parent, found = tie.path.rpartition(".")[0], []
        for t in sorted(self.calls, key=self.ended.__getitem__, reverse=True):
            if stop < self.ended[t] < self.ended[tie] and t.path.rpartition(".")[0] == parent:
                found.append(t)
                if self.calls[t].name not in NORMS:
                    break
        return found

    def _ended(self, tie: Tie) -> int:
        if tie.op:
            raise WorkbenchError(f"'{tie}' names an operator, but torch.export cannot follow this model",
                                 note=f"tie the line to a module, such as {tie.path or 'output'}")  # fmt: skip
        if tie not in self.ended:
            raise unknown_tie(tie, self.ended)
        return self.ended[tie]


def _holds(outer: str, inner: str) -> bool:
    return inner == outer or inner.startswith(outer + ".")


def _weights(call: ModuleCall) -> list[SpanWeight]:
    found = []
    for name, tensor in [*call.module.named_parameters(recurse=False), *call.module.named_buffers(recurse=False)]:
        if call.name in NORMS:
            letter = NORM_LETTERS.get(name)
        elif call.name in RECURRENT:
            letter = ""
        else:
            letter = {"weight": "w", "bias": "a"}.get(name)
        if letter is not None:
            full = f"{call.tie.path}.{name}"
            read = partial(_read, call.module, name, full)
            found.append(SpanWeight(letter, call, (full,), read, tensor.numel()))
    return found


def _read(module: nn.Module, name: str, full: str, state: Mapping[str, torch.Tensor] | None) -> torch.Tensor:
    return state[full] if state and full in state else operator.attrgetter(name)(module)
