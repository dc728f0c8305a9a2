"""What a built engine does with memory, step by step, as far as it tells: for the build view's drawing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from workbench.engines.base import Engine
from workbench.graph import Graph, Node

CONVOLUTIONS = {"conv1d", "conv2d", "deconv1d", "deconv2d"}
PRODUCTS = {"attention", "dense", "embed", "lstm", "matmul", "relpos"}
KINDS = ("convolution", "product", "copy", "other", "fed")
UNTOLD = (
    "OpenVINO does not tell where its tensors lie. Drawn is what is alive at once, from the operators' order and "
    "sizes; those that work in place need less."
)


class Tenant(NamedTuple):
    """A tensor's memory: bytes, offset (-1: not told), first and last step at which it is needed; -1 is a feed's."""

    name: str
    nbytes: int
    offset: int
    first: int
    last: int
    kind: str


class Memory(NamedTuple):
    """A plan for one batch. steps: a name for each, with its config line; arena 0: not told."""

    unit: str
    steps: list[str]
    tenants: list[Tenant]
    arena: int
    bound: int
    note: str

    def alive(self) -> list[int]:
        """Bytes that are needed at each step."""
        change = [0] * (len(self.steps) + 2)
        for t in self.tenants:
            change[max(t.first, 0)] += t.nbytes
            change[min(t.last, len(self.steps) - 1) + 1] -= t.nbytes
        sums, now = [], 0
        for by in change[: len(self.steps)]:
            now += by
            sums.append(now)
        return sums


def memory_of(engine: Engine, graph: Graph, batch: int) -> Memory | None:
    """The engine's memory; None of an engine that plans none."""
    if engine.name in ("cuda", "emulator"):
        return _planned(engine, graph, batch)
    return _told(engine, graph, batch) if engine.name == "openvino" else None


def _planned(engine: Any, graph: Graph, batch: int) -> Memory:
    program, nodes = engine.program(batch), _by_place(graph)
    owners = [nodes.get(call.line.split(" ")[0]) for call in program.calls]
    steps = [_step(node, call.kernel.function) for node, call in zip(owners, program.calls, strict=True)]
    tenants = [
        Tenant(r.name, r.nbytes, r.offset, r.first, r.last, "fed" if r.first < 0 else kind_of(_at(owners, r.first)))
        for r in engine.memory_plan(batch)
    ]
    return Memory("kernel call", steps, tenants, program.arena, program.bound, "")


def _told(engine: Any, graph: Graph, batch: int) -> Memory:
    from workbench.engines.openvino_told import operators

    found, nodes = operators(engine, batch), _by_output(graph)
    last = list(range(len(found)))
    for step, op in enumerate(found):
        for source in op.reads:
            last[source] = step
    owners = [next((nodes[p] for p in reversed(op.parts) if p in nodes), None) for op in found]
    steps = [_step(node, op.kind) for node, op in zip(owners, found, strict=True)]
    tenants = [
        Tenant(op.parts[-1] if op.parts else op.kind, op.nbytes, -1, step, last[step],
               "fed" if op.kind == "Input" else kind_of(owners[step]) if op.parts else "copy")
        for step, op in enumerate(found) if op.nbytes
    ]  # fmt: skip
    memory = Memory("operator", steps, tenants, 0, 0, UNTOLD)
    return memory._replace(bound=max(memory.alive(), default=0))


class Fusion(NamedTuple):
    """What was joined, how often, and on which lines of the config."""

    what: str
    times: int
    lines: list[int]


def fusions_of(engine: Engine, graph: Graph, batch: int) -> list[Fusion]:
    """Operators that OpenVINO made one; or of the cuda engine, lines that need no kernel of their own."""
    if engine.name in ("cuda", "emulator"):
        called = {call.line.split(" ")[0] for call in engine.program(batch).calls}  # type: ignore[attr-defined]
        gone = [node for place, node in _by_place(graph).items() if place not in called and node.tag != "input"]
        return _counted((node.tag, [node]) for node in gone)
    if engine.name != "openvino":
        return []
    from workbench.engines.openvino_told import operators

    nodes = _by_output(graph)
    joined = [op.parts for op in operators(engine, batch) if len(op.parts) > 1]  # type: ignore[arg-type]
    return _counted((" + ".join(map(_word, parts)), [nodes[p] for p in parts if p in nodes]) for parts in joined)


def _counted(found: Iterable[tuple[str, list[Node]]]) -> list[Fusion]:
    """Alike ones together, the most frequent first."""
    alike: dict[str, list[int]] = {}
    counts: dict[str, int] = {}
    for what, nodes in found:
        alike.setdefault(what, []).extend(node.where.line for node in nodes)
        counts[what] = counts.get(what, 0) + 1
    rows = [Fusion(what, counts[what], sorted(set(lines))) for what, lines in alike.items()]
    return sorted(rows, key=lambda row: -row.times)


def _word(part: str) -> str:
    """TAG of a config's line, or OpenVINO's operator without its number."""
    return part.split(":")[0] if ":" in part else part.rstrip("0123456789").rstrip("_")


def kind_of(node: Node | None) -> str:
    if node is None:
        return "other"
    if node.tag in CONVOLUTIONS:
        return "convolution"
    if node.tag in PRODUCTS:
        return "product"
    return "copy" if node.layer.exact and node.act.name == "identity" else "other"


def _step(node: Node | None, what: str) -> str:
    return f"line {node.where.line} {node.tag}" if node is not None else what


def _at(owners: list[Node | None], step: int) -> Node | None:
    return owners[step] if step < len(owners) else None


def _by_place(graph: Graph) -> dict[str, Node]:
    return {str(node.where): node for node in graph.body}


def _by_output(graph: Graph) -> dict[str, Node]:
    return {f"{node.tag}:{node.outputs[0]}": node for node in graph.body}
