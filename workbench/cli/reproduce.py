"""workbench reproduce: one line of a config, its weights, inputs and expected output, in a folder that runs alone."""

from __future__ import annotations

import argparse
from pathlib import Path

from workbench.cli.options import add_config, add_engine, add_model, open_session


def add(parser: argparse.ArgumentParser) -> None:
    add_model(parser)
    add_config(parser)
    add_engine(parser)
    parser.add_argument("--weights", metavar="FILE", type=Path, help="take the weights from this file")
    parser.add_argument("--line", metavar="N", type=int, help="the line's number (default: the first wrong one)")
    parser.add_argument("--out", metavar="FOLDER", type=Path, required=True, help="a new or an empty folder")


def run(args: argparse.Namespace) -> int:
    folder = open_session(args, weights=args.weights).reproduce(args.out, args.line)
    print(f"wrote {folder}; python {folder / 'run.py'} runs it")
    return 0
