"""workbench bench: a model's benchmark sheet, measured side by side in one run; its pipeline's; the workbench's own."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from workbench.atomic import write_text
from workbench.bench.table import Table
from workbench.cli.options import add_config, add_model, open_session, params
from workbench.errors import WorkbenchError
from workbench.layers.base import items


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
    parser.add_argument("--pipeline", action="store_true", help="instead: a port's pipeline, from frame to results")
    parser.add_argument(
        "--frame", default="1280x720,1920x1080", metavar="WxH,WxH", help="with --pipeline (default: 1280x720,1920x1080)"
    )
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the sheet as JSON")
    parser.add_argument("--sheet", metavar="FILE", type=Path, help="write it as .md or .csv")
    parser.set_defaults(engine="openvino")


def run(args: argparse.Namespace) -> int:
    if min(args.rounds, args.patience, args.threads or 1) < 1:
        raise WorkbenchError("--rounds, --patience and --threads: expected numbers from 1 on")
    if args.sheet and args.sheet.suffix not in (".md", ".csv"):
        raise WorkbenchError(f"--sheet {args.sheet}: expected a name that ends in .md or .csv")
    table = _table(args)
    print(table)
    if args.json:
        write_text(args.json, table.json())
    if args.sheet:
        write_text(args.sheet, table.csv() if args.sheet.suffix == ".csv" else table.markdown())
    return 0


def _table(args: argparse.Namespace) -> Table:
    """What the command line asks to be measured."""
    from workbench.bench.pipeline import measure_pipeline
    from workbench.bench.run import Named, measure
    from workbench.bench.tool import measure_tool

    turns = {"rounds": args.rounds, "patience": args.patience, "threads": args.threads}
    batches = _sizes("--batch", args.batch.split(","), "1,2,4", 1)
    frames = _sizes("--frame", args.frame.split(","), "1280x720,1920x1080", 2)
    precisions, args.precision = items(args.precision), "f32"
    if args.pipeline:
        given: dict[str, Any] = {"params": params(args), "precisions": precisions, **turns}
        return measure_pipeline(args.model, [(width, height) for width, height in frames], **given)
    named = Named(args.model, args.part)
    if args.tool:
        return measure_tool(lambda: open_session(args), named, args.threads, args.patience)
    times = [count for (count,) in batches]
    return measure(open_session(args), named, batches=times, precisions=precisions, compiled=args.compile, **turns)


def _sizes(option: str, texts: Sequence[str], form: str, axes: int) -> list[list[int]]:
    """Numbers from 1 on, `axes` of them joined by x in each text. Raises WorkbenchError."""
    sizes = [[int(n) if n.isascii() and n.isdigit() else 0 for n in text.split("x")] for text in texts]
    if any(len(size) != axes or min(size) < 1 for size in sizes):
        raise WorkbenchError(f"{option} {','.join(texts)}: expected numbers from 1 on such as {form}")
    return sizes
