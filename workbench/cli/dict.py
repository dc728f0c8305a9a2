"""workbench dict: the layer dictionary, to read, to write, or to compare with another."""

from __future__ import annotations

import argparse
from pathlib import Path

from workbench.config.dictionary import Dictionary, builtin
from workbench.layers import LAYERS


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("layer", nargs="?", help="print this layer's keys alone")
    parser.add_argument("--out", metavar="FILE", type=Path, help="write the dictionary as a .dct table")
    parser.add_argument("--doc", metavar="FILE", type=Path, help="write the language reference as Markdown")
    parser.add_argument("--compare", metavar="FILE", type=Path, help="list what another .dct has that this one lacks")


def run(args: argparse.Namespace) -> int:
    dictionary = builtin()
    if args.out:
        dictionary.write(args.out)
    if args.doc:
        from workbench.atomic import write_text
        from workbench.config.reference_doc import reference

        write_text(args.doc, reference())
    if args.compare:
        _compare(dictionary, Dictionary.read(args.compare))
    if not (args.out or args.doc or args.compare):
        _print(dictionary, args.layer)
    return 0


def _print(dictionary: Dictionary, layer: str | None) -> None:
    from workbench.errors import WorkbenchError
    from workbench.layers.base import unknown_key

    if layer and layer not in dictionary:
        raise WorkbenchError(f"no layer is named '{layer}'", note=unknown_key(layer, dictionary.layers).note)
    for row in dictionary:
        if layer in (None, row.layer):
            default = "required" if row.require else row.init
            print(f"{row.layer:<14} {row.key:<18} {row.ktype:<5} {default:<12} {','.join(row.symbols) or row.desc}")


def _compare(ours: Dictionary, theirs: Dictionary) -> None:
    for layer in theirs.layers:
        if layer not in ours and layer not in LAYERS:
            print(f"{layer}: no implementation here")
            continue
        missing = [key for key in theirs.rows(layer) if key not in ours.rows(layer)]
        if missing:
            print(f"{layer}: keys without effect here: {', '.join(missing)}")
