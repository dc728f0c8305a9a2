"""Ties for the lines that have none of their own: those of the `.ties.json` beside the config, then matching."""

from __future__ import annotations

from dataclasses import replace

from workbench.graph import Graph, Node
from workbench.trace.match import Match, match
from workbench.trace.original import Original
from workbench.trace.ties_file import read_ties, ties_path


def complete_ties(graph: Graph, original: Original) -> tuple[Graph, dict[int, Match], list[str]]:
    """The graph with ties from its file of ties and, where most lines still have none, from its structure.

    A few lines without a tie are meant so: the next tied line judges them. What is ambiguous stays without. Returns
    also the matches by node index, and what the user should know. Raises WorkbenchErrors for a file of ties that does
    not fit the config.
    """
    notes = []
    path = ties_path(graph.file)
    if path.is_file():
        graph = read_ties(path, graph)
        notes.append(f"ties of lines without name= come from {path}")
    untied = [n for n in graph.body if not n.tie]
    if 2 * len(untied) <= len(graph.body) or original.exported is None:
        return graph, {}, notes
    matches = match(graph, original.exported)
    nodes = [_tied(n, matches[n.index]) if n.index in matches else n for n in graph.nodes]
    found = sum(n.index in matches for n in untied)
    notes.append(
        f"{found} of {len(untied)} lines without name= were matched by structure; the others are judged by them"
    )
    return replace(graph, nodes=nodes), matches, notes


def _tied(node: Node, found: Match) -> Node:
    return replace(node, tie=str(found.tie), view=node.view or found.view)
