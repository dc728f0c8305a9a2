"""The tensors of a PyTorch model in the order and shapes that a config reads them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from workbench.errors import Problems, WorkbenchError, WorkbenchErrors
from workbench.graph import Graph, Node
from workbench.weights.choose import choose
from workbench.weights.ledger import Ledger
from workbench.weights.spec import WeightPlan, WeightSpec

if TYPE_CHECKING:
    import torch

    from workbench.trace.modules import Modules
    from workbench.trace.ops import Exported
    from workbench.trace.span import Span

_SLICE = re.compile(r"(?P<name>[^:]+)(?::(?P<start>\d*):(?P<stop>\d*)(?::(?P<every>[1-9]\d*))?)?")


class TorchWeights(NamedTuple):
    """The floats of a .weights file, a ledger row per tensor, and what the user should know."""

    values: np.ndarray
    ledger: Ledger
    warnings: list[WorkbenchError]


def weights_from_model(
    graph: Graph, plan: WeightPlan, original: Exported | Modules, state: Mapping[str, torch.Tensor] | None = None
) -> TorchWeights:
    """Each line's weights from the parameters that its span reads; `source=w:NAME,a:NAME:0:64` overrides a letter,
    the second with the first 64 rows of a parameter; NAME:0:32:96 takes the first 32 of every 96 rows, as where a
    fused projection holds each head's queries, keys and values together.

    `state` is the model's own state_dict unless given. Batch norm is folded into w and a, in float64, where the line's
    weight_order has no letters for it.
    Raises WorkbenchErrors with every problem at its line; tensors that no line reads are a warning.
    """
    spans = original.spans(graph, {spec.node.index for spec in plan.stored})
    collected, used = _Collected(), set[str]()
    state = original.model.state_dict() if state is None else state
    for _, group in groupby(plan.stored, key=lambda s: s.node.index):
        specs = list(group)
        node = specs[0].node
        try:
            used |= _node_weights(node, specs, spans.get(node.index), state, collected)
        except WorkbenchErrors as several:
            collected.problems.errors += [error.at(node.where, str(node)) for error in several.errors]
        except WorkbenchError as error:
            collected.problems.errors.append(error if error.where else error.at(node.where, str(node)))
    collected.problems.raise_errors()
    unused = _unused(state, used)
    if unused:
        shown = ", ".join(unused[:8]) + (", ..." if len(unused) > 8 else "")
        collected.problems.warn(f"{len(unused)} tensors of the model are read by no line: {shown}", graph.file)
    return collected.packed(plan)


class _Collected:
    """The arrays found so far by node index and letter, where each came from, and the problems."""

    def __init__(self) -> None:
        self.arrays: dict[tuple[int, str], np.ndarray] = {}
        self.sources: dict[tuple[int, str], str] = {}
        self.problems = Problems()

    def put(self, spec: WeightSpec, array: np.ndarray, source: str) -> None:
        key = (spec.node.index, spec.letter)
        self.arrays[key] = fitted(array, spec, source)
        self.sources[key] = source

    def packed(self, plan: WeightPlan) -> TorchWeights:
        values = plan.pack(self.arrays)
        return TorchWeights(values, Ledger.of(plan, values, self.sources), self.problems.warnings)


def _node_weights(
    node: Node, specs: list[WeightSpec], span: Span | WorkbenchError | None, state: Any, found: _Collected
) -> set[str]:
    """Put the node's weights into `found`; the names that they were read from."""
    used = set()
    for spec in specs:
        if spec.letter in node.source:
            array, name = _from_source(node.source[spec.letter], state)
            found.put(spec, array, node.source[spec.letter])
            used.add(name)
    rest = [spec for spec in specs if spec.letter not in node.source]
    if not rest:
        return used
    if span is None:
        letters = ",".join(f"{s.letter}:PARAMETER" for s in rest)
        raise WorkbenchError(
            "the line has no tie, so nothing says where its weights come from",
            note=f"name=PATH of the module whose output this line equals, or source={letters}",
        )
    if isinstance(span, WorkbenchError):
        raise span
    chosen, warnings = choose(node, rest, span, state)
    found.problems.warnings += warnings
    for spec, choice in zip(rest, chosen, strict=True):
        found.put(spec, choice.array, choice.source)
        used.update(choice.names)
    return used


def _from_source(text: str, state: Mapping[str, torch.Tensor]) -> tuple[np.ndarray, str]:
    match = _SLICE.fullmatch(text.strip())
    if not match:
        raise WorkbenchError(
            f"source={text}: expected a parameter's NAME", note="NAME:START:STOP or NAME:START:STOP:EVERY for some rows"
        )
    name = match["name"]
    if name not in state:
        from difflib import get_close_matches

        close = get_close_matches(name, list(state), 3)
        raise WorkbenchError(f"source={text}: the model has no parameter '{name}'",
                             note=f"did you mean {' or '.join(close)}?" if close else "")  # fmt: skip
    array = state[name].detach().cpu().double().numpy()
    if match["start"] is None:
        return array, name
    rows = slice(*(int(n) if n else None for n in (match["start"], match["stop"])))
    if match["every"] is None:
        return array[rows], name
    every = int(match["every"])
    if len(array) % every:
        raise WorkbenchError(f"source={text}: {len(array)} rows do not divide into groups of {every}")
    return array.reshape(-1, every, *array.shape[1:])[:, rows].reshape(-1, *array.shape[1:]), name


def fitted(array: np.ndarray, spec: WeightSpec, source: str) -> np.ndarray:
    """The array in the line's shape, axes of size 1 added or dropped. Raises where the shape is another."""
    if [n for n in array.shape if n != 1] == [n for n in spec.shape if n != 1]:
        return array.reshape(spec.shape)
    note = "check the line's channels, kernel and group, and the tensor its input names"
    if sorted(array.shape) == sorted(spec.shape):
        order = next(p for p in _orders(array.ndim) if tuple(array.shape[i] for i in p) == spec.shape)
        note = f"transposed? the original's axes {','.join(map(str, order))} would fit"
    elif array.size == math.prod(spec.shape):
        note = "the sizes agree: is the original's tensor arranged in another way?"
    raise WorkbenchError(f"weight {spec.letter}: expected {list(spec.shape)}; got {list(array.shape)} from {source}",
                         note=note)  # fmt: skip


def _orders(rank: int) -> Iterable[tuple[int, ...]]:
    from itertools import permutations

    return permutations(range(rank))


def _unused(state: Mapping[str, torch.Tensor], used: set[str]) -> list[str]:
    """The float tensors that were not read, under any of their names."""
    read = {(state[n].data_ptr(), state[n].shape) for n in used if n in state}
    return [n for n, t in state.items() if t.is_floating_point() and (t.data_ptr(), t.shape) not in read]


def weights_from_list(plan: WeightPlan, arrays: Mapping[str, Any] | Sequence[Any], where: str = "") -> TorchWeights:
    """An explicit list of arrays or tensors, in the order in which the config reads them; a mapping names them.

    Raises WorkbenchError at the line where shapes or counts part.
    """
    names = list(arrays) if isinstance(arrays, Mapping) else [f"[{i}]" for i in range(len(arrays))]
    values = [_array(v) for v in (arrays.values() if isinstance(arrays, Mapping) else arrays)]
    collected, specs = _Collected(), plan.stored
    for i, spec in enumerate(specs):
        if i == len(values):
            raise WorkbenchError(
                f"{spec.node}: the list ends before weight {spec.letter} {list(spec.shape)}: the config reads "
                f"{len(specs)} tensors, the list has {len(values)}", spec.node.where or where)  # fmt: skip
        try:
            collected.put(spec, values[i], names[i])
        except WorkbenchError as error:
            note = error.note
            if i + 1 < len(values) and values[i + 1].shape == spec.shape:
                note = "the next tensor would fit: is this one too many?"
            elif i + 1 < len(specs) and values[i].shape == specs[i + 1].shape:
                note = "it would fit the next weight: is one missing before it?"
            raise WorkbenchError(f"{spec.node}: {error.problem}", spec.node.where or where, note) from None
    if len(values) > len(specs):
        raise WorkbenchError(f"{len(values) - len(specs)} tensors are left over, the first {names[len(specs)]} "
                             f"{list(values[len(specs)].shape)}", where, "is a line missing?")  # fmt: skip
    return collected.packed(plan)


def _array(value: Any) -> np.ndarray:
    return np.asarray(value.detach().cpu() if hasattr(value, "detach") else value)
