"""Finding ties for a config that has none: the lines with kernels first, then what lies between them.

Both graphs are reduced to their kernels (convolutions and matrix products with weights) and the paths between these. A
line and an operator belong together where order, shapes and surroundings leave no other choice; where they do leave
one, nothing is said. Every tie comes with a word on how it was found.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from workbench.compare.verdict import error
from workbench.graph import Graph, Node
from workbench.trace.follow import Follower, same_shape
from workbench.trace.ops import Exported
from workbench.trace.record import Trace
from workbench.trace.span import weights_of
from workbench.trace.tie import Tie, node_ties

# Rounding, summed over some hundred layers, stays below this part of a tensor's range. A residual may change a tensor
# by less, so a tensor of other values must also lie this many times further off.
SAME, APART = 1e-3, 10.0


class Match(NamedTuple):
    """A tie for one line, the view where the config arranges the tensor otherwise, and how it was found."""

    tie: Tie
    how: str
    view: str = ""


class Kernel(NamedTuple):
    """A line or an operator with a kernel: what it looks like alone, and the nearest kernels before it."""

    item: Any
    look: Hashable
    before: frozenset[int]  # positions in the list of kernels; -1 for the input


def match(graph: Graph, exported: Exported) -> dict[int, Match]:
    """Ties by node index for the lines without one, by structure alone. The graph's shapes must be inferred."""
    lines, operators = _line_kernels(graph), _operator_kernels(exported)
    pairs = _pair(lines, operators)
    follower = Follower(exported)
    found: dict[int, Match] = {}
    for node in graph:
        if node.tie:
            follower.know(node, node_ties(node))
    for node in graph:
        if node.tie or not node.outputs:
            continue
        position = next((i for i, k in enumerate(lines) if k.item is node), None)
        if not node.inputs or node.tag == "preproc":
            tie, how = follower.of_input(graph, node), "the model's input"
        elif position in pairs:
            other, how = pairs[position]
            tie = follower.after_kernel(graph, node, operators[other].item)
        else:
            tie, how = follower.after_inputs(graph, node), "data flow"
        if tie is not None:
            found[node.index] = Match(tie, how)
            follower.know(node, node_ties(replace(node, tie=str(tie))))
    return found


def match_values(graph: Graph, arrays: Mapping[str, np.ndarray], trace: Trace) -> dict[int, Match]:
    """Ties by node index where one tensor of the original alone has the values that a run of the config gave.

    `arrays` are that run's tensors by the config's names; `trace` must hold the same inputs' tensors. Where the
    original has the tensor at several places (a module's output is an operator's too), the last module's is taken.
    """
    by_size: dict[int, list[Tie]] = {}
    for path in trace.paths():
        if path.tie in trace and path.dtype.startswith("float"):
            by_size.setdefault(int(np.prod(path.shape)), []).append(path.tie)
    found = {}
    for node in graph.body:
        values = arrays.get(node.outputs[0]) if node.outputs and not node.tie else None
        if values is not None and values.dtype.kind == "f" and float(np.ptp(values)) > 0:
            same = _nearest_values(values, by_size.get(values.size, []), trace)
            if same:
                best = max(same, key=lambda tie: (trace[tie].shape == values.shape, not tie.op))
                view = "" if trace[best].shape == values.shape else "shape:" + ",".join(map(str, values.shape))
                found[node.index] = Match(best, "value", view)
    return found


def _nearest_values(values: np.ndarray, ties: list[Tie], trace: Trace) -> list[Tie]:
    """The ties of the one tensor that has these values, whatever its shape; none where two come as near."""
    flat = values.reshape(-1)
    errors = {tie: error(flat, trace[tie].reshape(-1)) for tie in ties}
    near = sorted(((e, tie) for tie, e in errors.items() if e < SAME), key=lambda pair: pair[0])
    if not near:
        return []
    least, first = near[0][0], trace[near[0][1]].reshape(-1)
    same = [tie for _, tie in near if np.array_equal(trace[tie].reshape(-1), first)]
    others = [e for e, tie in near if tie not in same]
    return same if not others or others[0] > APART * least else []


def _line_kernels(graph: Graph) -> list[Kernel]:
    """The config's lines with a kernel, in file order."""
    made_by, kernels, position = graph.producer(), list[Kernel](), dict[int, int]()
    for node in graph:
        shapes = dict(node.layer.weights(*[graph.specs[t] for t in node.inputs]))
        if "w" in shapes and node.inputs and node.tag != "bn":
            before = _nearest(node, lambda n: [made_by[t] for t in n.inputs], lambda n: position.get(n.index))
            position[node.index] = len(kernels)
            look = (same_shape(shapes["w"]), _stride(getattr(node.layer, "stride", None)), "deconv" in node.tag)
            kernels.append(Kernel(node, look, before))
    return kernels


def _operator_kernels(exported: Exported) -> list[Kernel]:
    """The original's operators with a kernel, in execution order."""
    kernels, position = list[Kernel](), dict[Any, int]()

    def inputs(node: Any) -> list[Any]:
        return [n for n in exported.depends[node] if n not in exported.constant]

    for op in exported.operators:
        kernel = next((w for w in weights_of(exported, op) if w.letter == "w" and not w.plain), None)
        if kernel is not None:
            before = _nearest(op.node, inputs, position.get)
            position[op.node] = len(kernels)
            shape = list(kernel.read(None).shape)
            look = (same_shape(shape[::-1] if kernel.transposed else shape), _stride(op.argument("stride")),
                    "transpose" in op.name)  # fmt: skip
            kernels.append(Kernel(op, look, before))
    return kernels


def _stride(stride: Any) -> tuple[int, ...]:
    """Strides other than 1; a dense layer has none, as a convolution of stride 1."""
    values = [stride] if isinstance(stride, int) else list(stride or ())
    return () if all(s == 1 for s in values) else tuple(values * 2 if len(values) == 1 else values)


def _nearest(start: Any, inputs: Callable[[Any], list[Any]], position: Callable[[Any], int | None]) -> frozenset[int]:
    found, seen, todo = set(), set(), list(inputs(start))
    while todo:
        item = todo.pop()
        key = item.index if isinstance(item, Node) else item
        if key in seen:
            continue
        seen.add(key)
        kernel = position(item)
        if kernel is not None:
            found.add(kernel)
        elif more := inputs(item):
            todo += more
        else:
            found.add(-1)
    return frozenset(found)


def _pair(lines: list[Kernel], operators: list[Kernel]) -> dict[int, tuple[int, str]]:
    """Positions of lines to those of operators, and how they were paired."""
    if [(k.look, k.before) for k in lines] == [(k.look, k.before) for k in operators]:
        return {i: (i, "the order of the weights") for i in range(len(lines))}
    pairs: dict[int, int] = {}
    for a, b in zip(_colours(lines), _colours(operators), strict=True):
        _pair_single(pairs, dict(enumerate(a)), dict(enumerate(b)))
    grown = -1
    while grown != len(pairs):
        grown = len(pairs)
        known = {**pairs, -1: -1}
        expected = {i: (k.look, frozenset(known.get(j, -2) for j in k.before)) for i, k in enumerate(lines)}
        _pair_single(pairs, expected, {i: (k.look, k.before) for i, k in enumerate(operators)})
    known = {**pairs, -1: -1}
    agree = {}
    for i, j in pairs.items():
        mine, theirs = {known[n] for n in lines[i].before if n in known}, operators[j].before
        if mine <= theirs or theirs <= mine:  # one may take a part by slices of what the other holds apart
            agree[i] = (j, "shape and surroundings")
    return agree


def _pair_single(pairs: dict[int, int], a: Mapping[int, Hashable], b: Mapping[int, Hashable]) -> None:
    """Pair the unpaired of equal colour where each side has just one such."""
    taken = set(pairs.values())
    a = {i: colour for i, colour in a.items() if i not in pairs}
    b = {j: colour for j, colour in b.items() if j not in taken}
    count_a, count_b = Counter(a.values()), Counter(b.values())
    where = {colour: j for j, colour in b.items()}
    pairs.update({i: where[c] for i, c in a.items() if count_a[c] == 1 and count_b[c] == 1})


def _colours(kernels: list[Kernel], rounds: int = 6) -> Iterable[list[Hashable]]:
    """Each kernel's look, then with its neighbours' looks, then with theirs (Weisfeiler & Leman 1968)."""
    after: list[list[int]] = [[] for _ in kernels]
    for i, kernel in enumerate(kernels):
        for j in kernel.before:
            if j >= 0:
                after[j].append(i)
    colours: list[Hashable] = [kernel.look for kernel in kernels]
    for _ in range(rounds):
        yield colours
        every = [*colours, "input"]
        colours = [
            (colours[i], _bag(every[j] for j in kernel.before), _bag(every[j] for j in after[i]))
            for i, kernel in enumerate(kernels)
        ]


def _bag(colours: Iterable[Hashable]) -> Hashable:
    return frozenset(Counter(colours).items())
