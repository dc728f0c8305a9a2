"""Which tensors the config reads from the .weights file, in which order, of which shapes."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from workbench.errors import Problems, WorkbenchError
from workbench.graph import Graph, Node


@dataclass(frozen=True)
class WeightSpec:
    """One stored tensor: the node and letter that read it first, its shape, its offset and count in floats."""

    node: Node
    letter: str
    shape: tuple[int, ...]
    offset: int

    @property
    def count(self) -> int:
        return math.prod(self.shape)

    def __str__(self) -> str:
        return f"{self.node.where} {self.node}: {self.letter} {list(self.shape)}"


@dataclass
class WeightPlan:
    """`stored` lists the file's tensors in order; `bound` says which of them each node's letters read.

    A tensor shared through weight=/refweight= is stored once and bound several times.
    """

    stored: list[WeightSpec] = field(default_factory=list)
    bound: dict[int, dict[str, int]] = field(default_factory=dict)  # node index → letter → index into stored

    @property
    def count(self) -> int:
        """Floats in the file."""
        return self.stored[-1].offset + self.stored[-1].count if self.stored else 0

    def only(self, nodes: Collection[int]) -> WeightPlan:
        """The plan of a file that holds just what these nodes read, with all tensors of every line it comes from."""
        needed = {self.stored[i].node.index for node in nodes for i in self.bound.get(node, {}).values()}
        part, moved, offset = WeightPlan(), dict[int, int](), 0
        for i, spec in enumerate(self.stored):
            if spec.node.index in needed:
                moved[i] = len(part.stored)
                part.stored.append(replace(spec, offset=offset))
                offset += spec.count
        for node in nodes:
            if node in self.bound:
                part.bound[node] = {letter: moved[i] for letter, i in self.bound[node].items()}
        return part

    def split(self, values: np.ndarray, file: str = "", finite: bool = True) -> dict[int, dict[str, np.ndarray]]:
        """The file's floats as arrays by node index and letter (views, no copy).

        Raises WorkbenchError, at the line where the counts part, when floats run out or are left over, and for the
        first tensor that holds NaN or Inf (not with finite=False).
        """
        self._check_count(len(values), file)
        arrays = [values[s.offset : s.offset + s.count].reshape(s.shape) for s in self.stored]
        if finite:
            for spec, array in zip(self.stored, arrays, strict=True):
                if not np.isfinite(array).all():
                    bad = int((~np.isfinite(array)).sum())
                    raise WorkbenchError(
                        f"{spec.node}: weight {spec.letter} {list(spec.shape)} holds {bad} NaN or Inf values",
                        spec.node.where,
                        f"{file or 'the weights'}: floats {spec.offset} to {spec.offset + spec.count}",
                    )
        return {node: {letter: arrays[i] for letter, i in letters.items()} for node, letters in self.bound.items()}

    def pack(self, arrays: Mapping[tuple[int, str], np.ndarray]) -> np.ndarray:
        """One flat float32 array in the file's order from arrays by (node index, letter).

        Raises WorkbenchErrors naming every missing tensor and every one of another shape.
        """
        problems, values = Problems(), np.empty(self.count, np.float32)
        for spec in self.stored:
            array = arrays.get((spec.node.index, spec.letter))
            if array is None:
                problems.error(f"{spec.node}: no tensor for weight {spec.letter} {list(spec.shape)}", spec.node.where)
            elif array.shape != spec.shape:
                problems.error(
                    f"{spec.node}: weight {spec.letter}: expected {list(spec.shape)}; got {list(array.shape)}",
                    spec.node.where,
                )
            else:
                values[spec.offset : spec.offset + spec.count] = array.reshape(-1)
        problems.raise_errors()
        return values

    def _check_count(self, got: int, file: str) -> None:
        if got > self.count:
            last = f"the last line that reads weights is {self.stored[-1]}" if self.stored else "no line reads weights"
            raise WorkbenchError(
                f"the config reads {self.count:,} floats, the file holds {got:,}: {got - self.count:,} are left over",
                file,
                f"{last}; is a line missing, or is this another model's file?",
            )
        for spec in self.stored:
            if spec.offset + spec.count > got:
                raise WorkbenchError(
                    f"{spec.node}: the weights run out here: {spec.letter} {list(spec.shape)} needs floats "
                    f"{spec.offset:,} to {spec.offset + spec.count:,}, the file holds {got:,} of {self.count:,}",
                    spec.node.where,
                    f"{file or 'the weights file'} is truncated or belongs to another model",
                )


def plan_weights(graph: Graph) -> WeightPlan:
    """The plan of a graph whose shapes are inferred.

    `weight=A,B` names a layer's tensors in weight_order; `refweight=A,B` on a later line reads those instead of the
    file. Raises WorkbenchErrors for a refweight that names nothing or a tensor of another shape.
    """
    plan, problems, offset = WeightPlan(), Problems(), 0
    named: dict[str, int] = {}
    for node in graph:
        shapes = node.layer.weights(*[graph.specs[t] for t in node.inputs])
        if not shapes:
            continue
        bound = plan.bound.setdefault(node.index, {})
        for i, (letter, shape) in enumerate(shapes):
            name = node.refweight[i] if i < len(node.refweight) else ""
            if name:
                _share(problems, plan, named, node, letter, shape, name)
            else:
                bound[letter] = len(plan.stored)
                plan.stored.append(WeightSpec(node, letter, tuple(shape), offset))
                offset += math.prod(shape)
            if i < len(node.weight) and letter in bound:
                named[node.weight[i]] = bound[letter]
    problems.raise_errors()
    return plan


def _share(
    problems: Problems,
    plan: WeightPlan,
    named: Mapping[str, int],
    node: Node,
    letter: str,
    shape: tuple[int, ...],
    name: str,
) -> None:
    index = named.get(name)
    if index is None:
        known = ", ".join(named) or "none"
        problems.error(
            f"{node}: refweight={name} names no earlier weight", node.where, f"weight= names so far: {known}"
        )
    elif plan.stored[index].shape != tuple(shape):
        problems.error(
            f"{node}: refweight={name}: expected {list(shape)}; got {list(plan.stored[index].shape)}", node.where
        )
    else:
        plan.bound[node.index][letter] = index
