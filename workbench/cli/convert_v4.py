"""workbench convert-v4: a config of the V4 dialect as V5.1, and a list of what has no equivalent."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from workbench.config.document import Document
from workbench.config.v4 import convert, recognise
from workbench.errors import WorkbenchError


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("config", type=Path, help="the V4 config")
    parser.add_argument("--out", metavar="FILE", type=Path, help="where to write it (default: print it)")


def run(args: argparse.Namespace) -> int:
    document = Document.read(args.config)
    if recognise(document) is None:
        raise WorkbenchError("this is no V4 config: it has neither [system] nor input= in [model]", str(args.config))
    left = convert(document)
    if args.out:
        document.save(args.out)
        print(f"wrote {args.out}")
    else:
        sys.stdout.write(document.text)
    for problem in left:
        print(problem, file=sys.stderr)
    return 1 if left else 0
