"""workbench bench: the benchmark sheet of a model, measured side by side in one run; or the workbench's own speed."""

from __future__ import annotations

import argparse
from pathlib import Path

from workbench.atomic import write_text
from workbench.bench.table import Table
from workbench.cli.options import add_config, add_model, open_session
from workbench.errors import WorkbenchError
from workbench.layers.base import Ints, items


def add(parser: argparse.ArgumentParser) -> None:
    add_model(parser)
    add_config(parser)
    parser.add_argument("--batch", default="1", metavar="N,N", help="how many times the example, such as 1,2,4")
    parser.add_argument("--precision", default="f32", metavar="P,P", help="f32, bf16, f16, or several")
    parser.add_argument("--threads", type=int, help="CPU threads of all contestants (default: all cores)")
    parser.add_argument("--rounds", type=int, default=15, help="times that every contestant runs (default: 15)")
    parser.add_argument(
        "--patience", type=int, default=3, help="run up to so many times the rounds, until enough are undisturbed"
    )
    parser.add_argument("--compile", action="store_true", help="torch.compile too; it takes a minute to compile")
    parser.add_argument("--tool", action="store_true", help="instead: how fast the workbench checks this model")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the sheet as JSON")
    parser.add_argument("--sheet", metavar="FILE", type=Path, help="write it as .md or .csv")
    parser.set_defaults(engine="openvino")


def run(args: argparse.Namespace) -> int:
    from workbench.bench.run import Named, measure
    from workbench.bench.tool import measure_tool

    try:
        batches = Ints(args.batch)
    except ValueError:
        raise WorkbenchError(f"--batch {args.batch}: expected numbers such as 1,2,4") from None
    if min((*batches, args.rounds, args.patience, args.threads or 1)) < 1:
        raise WorkbenchError("--batch, --rounds, --patience and --threads: expected numbers from 1 on")
    if args.sheet and args.sheet.suffix not in (".md", ".csv"):
        raise WorkbenchError(f"--sheet {args.sheet}: expected a name that ends in .md or .csv")
    precisions, args.precision = items(args.precision), "f32"
    named = Named(args.model, args.part)
    if args.tool:
        table: Table = measure_tool(lambda: open_session(args), named, args.threads, args.patience)
    else:
        what = {"rounds": args.rounds, "patience": args.patience, "threads": args.threads, "compiled": args.compile}
        table = measure(open_session(args), named, batches=batches, precisions=precisions, **what)
    print(table)
    if args.json:
        write_text(args.json, table.json())
    if args.sheet:
        write_text(args.sheet, table.csv() if args.sheet.suffix == ".csv" else table.markdown())
    return 0
