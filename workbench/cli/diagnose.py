"""workbench diagnose: the first wrong line of a config, and what it would take to match."""

from __future__ import annotations

import argparse
from pathlib import Path

from workbench.atomic import write_text
from workbench.cli.options import add_config, add_engine, add_model, open_session, progress
from workbench.ports.common.pictures import open_picture, pixels


def add(parser: argparse.ArgumentParser) -> None:
    add_model(parser)
    add_config(parser)
    add_engine(parser)
    parser.add_argument("--weights", metavar="FILE", type=Path, help="check this .weights file with the config")
    parser.add_argument("--picture", metavar="FILE", type=Path, help="what the input was made from: how it was resized")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the diagnosis as JSON")
    parser.add_argument("--html", metavar="FILE", type=Path, help="write the diagnosis as HTML")


def run(args: argparse.Namespace) -> int:
    session = open_session(args, weights=args.weights)
    picture = pixels(open_picture(args.picture)) if args.picture else None
    diagnosis = session.diagnose(progress, picture=picture)
    print(diagnosis)
    for path, text in ((args.json, diagnosis.json), (args.html, diagnosis.html)):
        if path:
            write_text(path, text())
    return 0 if diagnosis.clean else 1
