"""workbench build: an engine file from a config and its weights; needs no PyTorch."""

from __future__ import annotations

import argparse
from pathlib import Path

from workbench.cli.options import add_engine, add_set, params
from workbench.engines.build import build_engine


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("config", type=Path, help="the config file")
    parser.add_argument("--weights", metavar="FILE", help="the .weights file (default: the config's weight_file)")
    parser.add_argument("--out", metavar="FILE", help="the engine file (default: the config's engine_file)")
    add_set(parser)
    add_engine(parser)


def run(args: argparse.Namespace) -> int:
    built = build_engine(
        args.config,
        params(args),
        args.weights,
        engine=args.engine,
        precision=args.precision,
        threads=args.threads,
        engine_file=args.out,
    )
    with built as engine:
        print(engine.note)
        print(engine)
    return 0
