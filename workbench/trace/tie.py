"""Ties: which tensor of the original a config line equals, `PATH[@CALL][/OP.K][:OUT]`."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from workbench.errors import Problems, WorkbenchError
from workbench.graph import Graph, Node

GRAMMAR = "PATH[@CALL][/OP.K][:OUT], such as layer1.0.relu@1, blocks.0.attn/matmul.0 or blocks.0.attn/chunk.0:2"
_TIE = re.compile(r"(?P<path>[^@/:\s]*)(?:@(?P<call>\d+))?(?:/(?P<op>[A-Za-z_]\w*)\.(?P<k>\d+))?(?::(?P<out>\d+))?")


class Tie(NamedTuple):
    """A module's output, or with `op` the k-th such operator of the module's own forward.

    `call` counts the module's calls from 0, `out` its output tensors. The model's own tensors are `input`, `input:1`,
    ... and `output`, `output:1`, ..., in the order in which its arguments and results hold them (`model.input`
    where a submodule is called `input`).
    """

    path: str
    call: int = 0
    op: str = ""
    k: int = 0
    out: int = 0

    def __str__(self) -> str:
        call = f"@{self.call}" if self.call else ""
        op = f"/{self.op}.{self.k}" if self.op else ""
        return f"{self.path}{call}{op}" + (f":{self.out}" if self.out else "")


def parse_tie(text: str) -> Tie:
    """The tie that `text` writes. Raises WorkbenchError where it breaks the grammar."""
    match = _TIE.fullmatch(text.strip())
    if not match or not (match["path"] or match["op"]):
        raise WorkbenchError(f"expected a tie {GRAMMAR}; got '{text}'")
    return Tie(match["path"], int(match["call"] or 0), match["op"] or "", int(match["k"] or 0), int(match["out"] or 0))


def as_tie(tie: Tie | str) -> Tie:
    return parse_tie(tie) if isinstance(tie, str) else tie


def unknown_tie(tie: Tie | str, known: Iterable[Tie]) -> WorkbenchError:
    """The error for a tie that the original does not have, with the nearest that it has."""
    tie = as_tie(tie)
    known = list(known)
    same = [str(t) for t in known if t.path == tie.path and bool(t.op) == bool(tie.op)]
    close = difflib.get_close_matches(str(tie), same or map(str, known), 3, 0.0 if same else 0.6)
    note = f"did you mean {' or '.join(close)}?" if close else f"a tie is {GRAMMAR}"
    return WorkbenchError(f"the original has no tensor '{tie}'", note=note)


def node_ties(node: Node) -> dict[str, Tie]:
    """The node's output tensors and their ties; one tie on a layer of several outputs names the first of them."""
    if not node.tie:
        return {}
    ties = [parse_tie(text) for text in node.tie.split(",") if text.strip()]
    if len(ties) == 1:
        ties = [ties[0]._replace(out=ties[0].out + i) for i in range(len(node.outputs))]
    if len(ties) != len(node.outputs):
        raise WorkbenchError(f"expected one tie, or {len(node.outputs)} for {','.join(node.outputs)}; got {len(ties)}")
    return dict(zip(node.outputs, ties, strict=True))


def graph_ties(graph: Graph, problems: Problems | None = None) -> dict[str, Tie]:
    """Every tied tensor of the config. Ties that break the grammar go to `problems`, or are raised together."""
    found: dict[str, Tie] = {}
    collected = problems or Problems()
    for node in graph:
        try:
            found |= node_ties(node)
        except WorkbenchError as error:
            collected.errors.append(error.at(node.where, str(node)))
    if problems is None:
        collected.raise_errors()
    return found


def frontier(graph: Graph, node: Node, ties: Mapping[str, Tie]) -> tuple[set[Tie], set[str]]:
    """The nearest tied tensors that the node's inputs come from, and the config's untied inputs among them."""
    producer, found, inputs = graph.producer(), set(), set()
    todo, seen = list(node.inputs), set()
    while todo:
        tensor = todo.pop()
        if tensor in seen:
            continue
        seen.add(tensor)
        if tensor in ties:
            found.add(ties[tensor])
        elif not producer[tensor].inputs:
            inputs.add(tensor)
        else:
            todo += producer[tensor].inputs
    return found, inputs
