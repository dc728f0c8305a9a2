"""A Graph as config text: `parse_config(write(graph))` gives the same graph again."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from workbench.config.dictionary import BASE
from workbench.config.names import Tensors
from workbench.config.values import text_of
from workbench.errors import WorkbenchError
from workbench.graph import Graph, Node
from workbench.layers import Layer

FORBIDDEN = re.compile(r"[\s#\[$]")


def write(graph: Graph) -> str:
    """[model] when the graph has its keys, one line for each node, [output] and [end].

    Raises WorkbenchError for values that no config can hold (blanks, '#', '[' and '$').
    """
    lines = ["[model] " + " ".join(_words(graph.model.items()))] if graph.model else []
    refnames = [name for node in graph.nodes for name in node.outputs]
    tensors, before = Tensors(()), ""
    for node in graph.nodes:
        automatic = tensors.name(node.tag, (), len(node.outputs))
        named = node.tag == "input" or node.outputs != automatic
        lines.append(format_line(node.layer, base_keys(node, before, named)))
        before = node.outputs[0]
    if len(set(refnames)) < len(refnames):
        raise WorkbenchError("two outputs of the graph have one name", note="each tensor needs a name of its own")
    lines += ["[output] " + " ".join(_words([("refname", ",".join(graph.outputs))])), "[end]"]
    return "\n".join(lines) + "\n"


def format_line(layer: Layer, base: Mapping[str, Any] | None = None) -> str:
    """One line: the layer's keys that differ from their defaults, then the common keys in `base` that say something."""
    pairs = [(name, getattr(layer, name)) for name, key in layer.keys().items()
             if key.required or getattr(layer, name) != key.default]  # fmt: skip
    usual = {key.name: key.default for key in BASE}
    pairs += [(name, value) for name, value in (base or {}).items() if value != usual.get(name, ())]
    return " ".join([f"[{layer.tag}]", *_words(pairs)])


def base_keys(node: Node, before: str, named: bool = True) -> dict[str, Any]:
    """The common keys of a node's line; `before` is the first output of the line above, `named` writes the refname."""
    follows = node.inputs == (before,) or not node.inputs
    return {
        "input": ("*",) if follows else node.inputs,
        "act": node.act.name,
        "act_alpha": node.act.alpha,
        "act_beta": node.act.beta,
        "prec_mode": node.prec_mode,
        "weight": node.weight,
        "refweight": node.refweight,
        "name": node.tie,
        "view": node.view,
        "source": tuple(f"{letter}:{path}" for letter, path in node.source.items()),
        "refname": node.outputs if named else (),
    }


def _words(pairs: Any) -> list[str]:
    """`key=value` words; raises WorkbenchError for a value that would not be read back."""
    words = []
    for name, value in pairs:
        text = text_of(value)
        if FORBIDDEN.search(text):
            raise WorkbenchError(f"key '{name}': a config cannot hold the value '{text}'", note="no blanks, #, [ or $")
        words.append(f"{name}={text}")
    return words
