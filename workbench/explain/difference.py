"""What tells two configs apart, layer by layer: comments, layout, refnames and line numbers do not count."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import SequenceMatcher

from workbench.config.write import base_keys, format_line
from workbench.graph import Graph, Node

OWN_NAMES = ("input", "refname", "name", "view", "source")  # what a line is called and tied to, not what it does


def difference(old: Graph, new: Graph) -> str:
    """Lines with - (only in the old config), + (only in the new) and ~ (the same layer, fed otherwise).

    Empty where both compute the same in the same order. Parameters are filled in on both sides.
    """
    return "\n".join(_lines(old, new))


def _lines(old: Graph, new: Graph) -> Iterator[str]:
    a, b = [_text(node) for node in old], [_text(node) for node in new]
    same: dict[str, str] = {}  # a tensor of the old config → its equal in the new one
    for what, i1, i2, j1, j2 in SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
        if what == "equal":
            for left, right in zip(old.nodes[i1:i2], new.nodes[j1:j2], strict=True):
                same.update(zip(left.outputs, right.outputs, strict=True))
                if [same.get(name) for name in left.inputs] != list(right.inputs):
                    yield (f"~ {_line(left)} → {_line(right)} {_text(left)}: "
                           f"input={','.join(left.inputs)} → {','.join(right.inputs)}")  # fmt: skip
            continue
        yield from (f"- {_line(old.nodes[i])} {a[i]}" for i in range(i1, i2))
        yield from (f"+ {_line(new.nodes[j])} {b[j]}" for j in range(j1, j2))
        if i2 - i1 == j2 - j1:  # changed in place: what follows may read them without another word
            for left, right in zip(old.nodes[i1:i2], new.nodes[j1:j2], strict=True):
                same.update(zip(left.outputs, right.outputs, strict=False))
    outputs = [same.get(name) for name in old.outputs]
    if outputs != list(new.outputs):
        yield f"~ [output] {','.join(old.outputs)} → {','.join(new.outputs)}"


def _line(node: Node) -> int:
    return getattr(node.where, "line", 0)


def _text(node: Node) -> str:
    keys = {key: value for key, value in base_keys(node, "").items() if key not in OWN_NAMES}
    return format_line(node.layer, keys)
