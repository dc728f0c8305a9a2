"""workbench faultbench: how well faults are found, measured by planting them."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.atomic import write_text
from workbench.cli.options import add_config, open_session, params, progress
from workbench.errors import WorkbenchError
from workbench.faultbench import CLEAN

if TYPE_CHECKING:
    from workbench.faultbench.subject import Subject


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--count", type=int, default=300, help="faults to plant (default: 300)")
    parser.add_argument("--seed", type=int, default=0, help="decides which, and where (default: 0)")
    parser.add_argument("--clean", type=int, default=CLEAN, help=f"seeds of every right model (default: {CLEAN})")
    parser.add_argument("--only", metavar="NAME,NAME", help="these ports and compact models alone (default: all)")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the result as JSON")
    parser.add_argument("--markdown", metavar="FILE", type=Path, help="write the result as a page")
    parser.add_argument("--plot", metavar="FILE.png", type=Path, help="draw the result")
    parser.add_argument("--model", help="a model of your own too: a port's name, or package.module:factory")
    parser.add_argument("--example", metavar="SHAPE", action="append", help="shape of its input, such as 1,3,224,224")
    add_config(parser)
    parser.set_defaults(part="", checkpoint=None, engine="openvino", precision=None, threads=1)


def run(args: argparse.Namespace) -> int:
    from workbench.faultbench import plan, plot, report
    from workbench.faultbench.run import run as plant

    if args.count < 0 or args.clean < 0:
        raise WorkbenchError(f"expected counts of at least 0; got --count {args.count} --clean {args.clean}")
    subjects = _subjects(args)
    record = plant(plan.allot(subjects, args.count, args.seed), subjects, args.seed, args.clean, progress)
    sheet = report.sheet(record, args.count, args.seed, args.only or "", args.clean)
    print(report.text(sheet))
    if args.json:
        write_text(args.json, json.dumps(sheet, indent=1))
    if args.markdown:
        write_text(args.markdown, report.markdown(sheet))
    if args.plot:
        plot.save(sheet, args.plot)
    return 0


def _subjects(args: argparse.Namespace) -> list[Subject]:
    from workbench.faultbench.subject import ports, zoo

    known = {subject.name: subject for subject in [*zoo(), *ports()]}
    names = args.only.split(",") if args.only else list(known)
    unknown = [name for name in names if name not in known]
    if unknown:
        raise WorkbenchError(f"--only: nothing is named '{unknown[0]}'", note=f"known: {', '.join(known)}")
    chosen = [known[name] for name in names]
    return [*chosen, _own(args)] if args.model else chosen


def _own(args: argparse.Namespace) -> Subject:
    from workbench.faultbench.subject import Subject

    if not args.config:
        raise WorkbenchError("--model needs a config", note="--config FILE")
    return Subject(str(args.config), Path(args.config).read_text(), params(args), lambda seed: open_session(args))
