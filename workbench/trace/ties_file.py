"""`<config>.ties.json`: ties beside a config whose lines have no name=, found by matching or written by hand."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from workbench.atomic import write_text
from workbench.errors import Problems, WorkbenchError
from workbench.graph import Graph
from workbench.trace.match import Match
from workbench.trace.tie import parse_tie
from workbench.trace.view import parse_view


def ties_path(config: str | Path) -> Path:
    """`x.cfg` → `x.cfg.ties.json`, beside it."""
    return Path(f"{config}.ties.json")


def write_ties(path: str | Path, graph: Graph, matches: Mapping[int, Match]) -> Path:
    """Write one entry per matched line, under the name of its first output; atomically."""
    ties = {
        graph.nodes[i].outputs[0]: {
            "line": graph.nodes[i].where.line, "layer": graph.nodes[i].tag, "tie": str(m.tie), "how": m.how,
            **({"view": m.view} if m.view else {}),
        }
        for i, m in sorted(matches.items())
    }  # fmt: skip
    return write_text(path, json.dumps({"version": 1, "ties": ties}, indent=1))


def read_ties(path: str | Path, graph: Graph) -> Graph:
    """The graph with the file's ties on its lines; a line's own name= stays.

    Raises WorkbenchErrors for a file that is no such file, ties that break the grammar, and entries that no longer
    stand for a line of the config.
    """
    problems, nodes = Problems(), list(graph.nodes)
    producer = graph.producer()
    for tensor, entry in _load(path).items():
        node = producer.get(tensor)
        if node is None or node.tag != entry.get("layer", node.tag):
            problems.error(f"'{tensor}': the config has no {entry.get('layer', 'line')} of that name", str(path),
                           "the config changed: match again, or take the entry out")  # fmt: skip
            continue
        try:
            parse_tie(entry["tie"])
            if entry.get("view"):
                parse_view(entry["view"])
        except WorkbenchError as error:
            problems.errors.append(error.at(str(path), f"'{tensor}'"))
            continue
        if not node.tie:
            nodes[node.index] = replace(node, tie=entry["tie"], view=node.view or entry.get("view", ""))
    problems.raise_errors()
    return replace(graph, nodes=nodes)


def _load(path: str | Path) -> dict[str, dict[str, str]]:
    try:
        ties = json.loads(Path(path).read_text("utf-8"))["ties"]
        good = all(isinstance(entry["tie"], str) for entry in ties.values())
    except OSError as error:
        raise WorkbenchError(f"cannot read the ties: {error.strerror}", str(path)) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise WorkbenchError(f"not a file of ties: {error}", str(path), "matching writes it anew") from error
    if not good:
        raise WorkbenchError("not a file of ties: a tie is a word", str(path), "matching writes it anew")
    return ties
