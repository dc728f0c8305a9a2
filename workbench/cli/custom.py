"""workbench custom: check custom layers, each a class in a Python file with its kernel in the .cu beside it."""

from __future__ import annotations

import argparse
from pathlib import Path


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, help="a Python file with CudaLayers; the .cu of its stem is their kernel")
    parser.add_argument(
        "--time-limit", type=float, default=10.0, metavar="SECONDS", help="when a launch counts as hung"
    )
    parser.add_argument("--dict", type=Path, metavar="FILE", help="write the layers' rows, for user_dict_file")


def run(args: argparse.Namespace) -> int:
    from workbench.custom import check, load
    from workbench.errors import WorkbenchError

    if not args.time_limit > 0:
        raise WorkbenchError(f"--time-limit: expected a positive number of seconds; got {args.time_limit:g}")
    layers = load(args.file)
    reports = [check(cls, time_limit=args.time_limit) for cls in layers]
    print("\n".join(map(str, reports)))
    if args.dict:
        from workbench.custom.layer import dictionary_of

        dictionary_of(layers).write(args.dict)
        print(f"wrote {args.dict}")
    return 0 if all(report.ok for report in reports) else 1
