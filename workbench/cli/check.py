"""workbench check: every line of a config against the PyTorch model."""

from __future__ import annotations

import argparse
from pathlib import Path

from workbench.atomic import write_text
from workbench.cli.options import add_config, add_engine, add_model, open_session, progress


def add(parser: argparse.ArgumentParser) -> None:
    add_model(parser)
    add_config(parser)
    add_engine(parser)
    parser.add_argument("--weights", metavar="FILE", type=Path, help="also write the .weights file and its ledger")
    parser.add_argument(
        "--ties", action="store_true", help="also write the ties found for lines without name=, to CONFIG.ties.json"
    )
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the report as JSON")
    parser.add_argument("--csv", metavar="FILE", type=Path, help="write the report as CSV")
    parser.add_argument("--html", metavar="FILE", type=Path, help="write the report as HTML")


def run(args: argparse.Namespace) -> int:
    session = open_session(args)
    report = session.check(progress)
    print(report)
    for path, text in ((args.json, report.json), (args.csv, report.csv), (args.html, report.html)):
        if path:
            write_text(path, text())
    if args.weights:
        ledger = session.write_weights(args.weights)
        print(f"wrote {args.weights}: {len(ledger.rows)} tensors")
    if args.ties:
        print(f"wrote {session.write_ties()}")
    return 0 if report.passed else 1
