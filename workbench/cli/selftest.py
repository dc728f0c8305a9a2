"""workbench selftest: every layer and port on the cuda engine, against PyTorch, as one JSON record."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any


def add(parser: argparse.ArgumentParser) -> None:
    how = parser.add_mutually_exclusive_group(required=True)
    how.add_argument("--cuda", action="store_true", help="on the GPU, through PyCUDA")
    how.add_argument("--emulator", action="store_true", help="the same steps on the CPU; its times mean nothing")
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="write the record (benchmarks/gpu/ keeps those of GPUs)"
    )
    parser.add_argument("--port", action="append", default=[], help="only these ports (default: all)")
    parser.add_argument("--budget", type=float, default=420.0, metavar="SECONDS", help="begin nothing after so long")


def run(args: argparse.Namespace) -> int:
    from workbench.atomic import write_atomically
    from workbench.bench.selftest import Selftest
    from workbench.ports import PORTS, get_port

    for name in args.port:
        get_port(name)  # an unknown one is told before anything runs

    def keep(record: dict[str, Any]) -> None:
        if args.json:
            text = json.dumps(record, indent=1, ensure_ascii=False) + "\n"
            write_atomically(args.json, lambda file: file.write(text.encode()))

    selftest = Selftest("cuda" if args.cuda else "emulator", args.budget, keep=keep)
    record = selftest.run(tuple(args.port) or PORTS)
    keep(record)
    layers, ports = record["layers"], record["ports"]
    bad = [row for row in layers if row["failed"]]
    wrong = [row for row in ports if not all(b["passed"] for b in row["batches"])]
    untried = [row for row in ports if "failed" in row]
    print(f"{record['device']}: {len(layers) - len(bad)} of {len(layers)} layers and "
          f"{len(ports) - len(wrong) - len(untried)} of {len(ports)} networks agree with PyTorch, "
          f"{record['seconds']:.0f} s")  # fmt: skip
    print(*record["left_out"], sep="\n", end="\n" if record["left_out"] else "")
    return 1 if bad or wrong else 0
