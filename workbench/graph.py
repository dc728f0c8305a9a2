"""The network as the config states it: nodes in file order, tensors by name. No maths."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from workbench.errors import Where

if TYPE_CHECKING:
    from workbench.layers.base import Layer

# The language's dtype words and numpy's names for them.
DTYPES = {
    "i8": "int8",
    "u8": "uint8",
    "i32": "int32",
    "u32": "uint32",
    "i64": "int64",
    "f16": "float16",
    "f32": "float32",
    "bool": "bool",
}


class TensorSpec(NamedTuple):
    """Shape (axis 0 is the batch, -1 where it is open) and dtype word of one tensor."""

    shape: tuple[int, ...]
    dtype: str = "f32"

    def __str__(self) -> str:
        return f"{self.dtype}[{','.join(map(str, self.shape))}]"


class Act(NamedTuple):
    """`act=` with act_alpha and act_beta (None: the activation's own default)."""

    name: str = "identity"
    alpha: float | None = None
    beta: float | None = None


@dataclass(frozen=True)
class Node:
    """One config line's layer, its tensors, and what relates it to the original model.

    `tie` is `name=`: the original's tensor this node's output equals. `view` relates the two arrangements,
    `source` overrides the origin of weights by letter. `weight` is the name under which this node's weights are
    shared (`weight=`), `refweight` names the node whose weights it reads instead of its own.
    """

    index: int
    layer: Layer
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    where: Where = Where("")
    entry: int = -1  # id of the Document entry it came from
    act: Act = Act()
    prec_mode: str = ""
    tie: str = ""
    view: str = ""
    source: Mapping[str, str] = field(default_factory=dict)
    weight: tuple[str, ...] = ()
    refweight: tuple[str, ...] = ()

    @property
    def tag(self) -> str:
        return self.layer.tag

    def __str__(self) -> str:
        return f'{self.tag} "{",".join(self.outputs)}"'


@dataclass
class Graph:
    """Nodes in file order (which is topological: a line only names earlier tensors).

    `specs` maps every tensor to its TensorSpec once `workbench.shapes.infer` has walked the graph.
    """

    nodes: list[Node] = field(default_factory=list)
    outputs: tuple[str, ...] = ()
    model: dict[str, str] = field(default_factory=dict)  # the [model] keys, variables replaced
    specs: dict[str, TensorSpec] = field(default_factory=dict)
    file: str = "<config>"

    @property
    def inputs(self) -> tuple[str, ...]:
        return tuple(t for node in self.nodes if node.tag == "input" for t in node.outputs)

    @property
    def body(self) -> list[Node]:
        """All nodes but the inputs."""
        return [node for node in self.nodes if node.tag != "input"]

    def producer(self) -> dict[str, Node]:
        return {tensor: node for node in self.nodes for tensor in node.outputs}

    def last_use(self) -> dict[str, int]:
        """Index of the last node that reads each tensor; outputs live to the end."""
        last = {tensor: node.index for node in self.nodes for tensor in node.outputs}
        for node in self.nodes:
            last.update(dict.fromkeys(node.inputs, node.index))
        last.update(dict.fromkeys(self.outputs, len(self.nodes)))
        return last

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes)
