"""A config's graph as an SVG picture: a box per line, deeper lines further down, an arrow per tensor."""

from __future__ import annotations

from html import escape

from workbench.graph import Graph, Node

WIDTH, HEIGHT, GAP_X, GAP_Y, MARGIN = 200, 40, 60, 26, 16
COLOURS = {"input": "#cfe8ff", "conv": "#ffe3b8", "dense": "#ffe3b8", "pool": "#d8f0d0", "concat": "#e8dcf5"}
HEAD = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {w} {h}" width="{w}" height="{h}" font-family="sans-serif">
<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto">
<path d="M0 0L8 4L0 8z" fill="#777"/></marker></defs>
<rect width="100%" height="100%" fill="#fff"/>
"""
Place = tuple[int, int]  # column, row


def svg(graph: Graph) -> str:
    """The picture of a graph whose shapes are inferred; a box's tooltip tells its line, inputs and outputs."""
    places = place(graph)
    width = MARGIN * 2 + (max((x for x, _ in places), default=0) + 1) * (WIDTH + GAP_X)
    height = MARGIN * 2 + (max((y for _, y in places), default=0) + 1) * (HEIGHT + GAP_Y)
    maker = {name: i for i, node in enumerate(graph) for name in node.outputs}
    arrows = [
        _arrow(places[maker[name]], places[i], f"{name} {graph.specs[name]}")
        for i, node in enumerate(graph)
        for name in dict.fromkeys(node.inputs)
    ]
    boxes = [_box(graph, node, places[i]) for i, node in enumerate(graph)]
    return HEAD.format(w=width, h=height) + "".join([*arrows, *boxes]) + "</svg>\n"


def place(graph: Graph) -> list[Place]:
    """Column and row of every node: one row below its deepest input, in its first input's column where that is free."""
    taken: set[Place] = set()
    places: list[Place] = []
    maker = {name: i for i, node in enumerate(graph) for name in node.outputs}
    for node in graph:
        above = [places[maker[name]] for name in node.inputs]
        row = max((y for _, y in above), default=-1) + 1
        column = above[0][0] if above else 0
        while (column, row) in taken:
            column += 1
        taken.add((column, row))
        places.append((column, row))
    return places


def _corner(at: Place) -> tuple[int, int]:
    return MARGIN + at[0] * (WIDTH + GAP_X), MARGIN + at[1] * (HEIGHT + GAP_Y)


def _arrow(start: Place, end: Place, title: str) -> str:
    """From the lower edge of a box to the upper edge of another; past boxes between them, round their right side."""
    (x1, y1), (x2, y2) = _corner(start), _corner(end)
    rows = end[1] - start[1]
    if start[0] == end[0] and rows > 1:
        side, half = x1 + WIDTH, HEIGHT // 2
        bow = side + min(16 + 6 * rows, GAP_X * 4 // 3)  # a cubic reaches three quarters of the way to its controls
        path = f"M{side} {y1 + half}C{bow} {y1 + half} {bow} {y2 + half} {side} {y2 + half}"
    else:
        x1, y1, x2 = x1 + WIDTH // 2, y1 + HEIGHT, x2 + WIDTH // 2
        reach = max(GAP_Y, (y2 - y1) // 3)
        path = f"M{x1} {y1}C{x1} {y1 + reach} {x2} {y2 - reach} {x2} {y2}"
    return f'<path d="{path}" fill="none" stroke="#777" marker-end="url(#tip)"><title>{escape(title)}</title></path>\n'


def _box(graph: Graph, node: Node, at: Place) -> str:
    x, y = _corner(at)
    colour = next((c for start, c in COLOURS.items() if node.tag.startswith(start)), "#eee")
    edge = "#c00" if set(node.outputs) & set(graph.outputs) else "#999"
    act = "" if node.act.name == "identity" else f" {node.act.name}"
    first = graph.specs[node.outputs[0]]
    title = "\n".join([str(node.where), *(f"{name} {graph.specs[name]}" for name in (*node.inputs, *node.outputs))])
    name = node.outputs[0] if len(node.outputs) == 1 else f"{node.outputs[0]} …"
    return (
        f"<g><title>{escape(title)}</title>"
        f'<rect x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="6" fill="{colour}" stroke="{edge}"/>'
        f'<text x="{x + 8}" y="{y + 16}" font-size="12" font-weight="bold">{escape(node.tag + act)}</text>'
        f'<text x="{x + 8}" y="{y + 32}" font-size="10">{escape(f"{name} {first}")}</text></g>\n'
    )
