"""workbench explain: a config as a table, as a picture, or compared with another."""

from __future__ import annotations

import argparse
from pathlib import Path

from workbench import shapes
from workbench.atomic import write_text
from workbench.cli.options import add_set, params
from workbench.config.parse import parse_config
from workbench.explain.difference import difference
from workbench.explain.picture import svg
from workbench.explain.table import table
from workbench.graph import Graph


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("config", type=Path, help="the config file")
    add_set(parser)
    parser.add_argument("--svg", metavar="FILE", type=Path, help="also draw its graph")
    parser.add_argument("--against", metavar="FILE", type=Path, help="print what tells it from this older config")


def run(args: argparse.Namespace) -> int:
    graph = _graph(args.config, params(args))
    if args.svg:
        write_text(args.svg, svg(graph))
    if args.against:
        print(difference(_graph(args.against, params(args)), graph) or "the same layers")
    else:
        print(table(graph))
    return 0


def _graph(path: Path, given: dict[str, str]) -> Graph:
    graph = parse_config(path, given).graph
    shapes.infer(graph)
    return graph
