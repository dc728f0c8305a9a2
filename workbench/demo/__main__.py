"""`python -m workbench.demo [--sample]`."""

import argparse
import sys

from workbench.demo.port import demo
from workbench.demo.sample import sample
from workbench.errors import WorkbenchError


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m workbench.demo", description=__doc__)
    parser.add_argument("--sample", action="store_true", help="only the engine that needs no PyTorch")
    parser.add_argument("--out", default="out", help="folder for the report and pictures (default: out)")
    args = parser.parse_args()
    try:
        sample() if args.sample else demo(args.out)
    except WorkbenchError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
