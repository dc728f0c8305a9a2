"""`python -m workbench.ports.<model> IMAGE`: a port as a program that only infers, with the engine or the original."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench import shapes
from workbench.atomic import write_atomically
from workbench.config.parse import parse_config
from workbench.engines.base import Engine
from workbench.engines.build import build_engine
from workbench.errors import WorkbenchError
from workbench.ports.base import Part, Port
from workbench.ports.common.pictures import open_picture

if TYPE_CHECKING:
    from PIL.Image import Image


def main(port: Port, arguments: Sequence[str] | None = None) -> int:
    """Run the port on a picture, print the result, save what is drawn. Returns 0, or 2 for an error that is told."""
    args = _parser(port).parse_args(arguments)
    try:
        picture = open_picture(args.image) if args.image else port.sample()
        result = infer(port, picture, args)
        print(result)
        if args.out:
            save_picture(port.draw(picture, result), args.out)
    except WorkbenchError as error:
        print(error, file=sys.stderr)
        return 2
    except BrokenPipeError:  # the reader of our output went away, as `| head` does
        sys.stderr.close()
    return 0


def _parser(port: Port) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"python -m workbench.ports.{port.name}",
        description=f"{port.title}. Runs the engine, without PyTorch; with --original, the PyTorch original.",
        epilog=f"Licence: {port.licence}. {port.paper}",
    )
    parser.add_argument("image", nargs="?", metavar="IMAGE", help="a picture (default: the port's own sample)")
    parser.add_argument("--original", action="store_true", help="run the PyTorch original instead of the engine")
    parser.add_argument("--checkpoint", metavar="FILE", help="with --original: its weights, a state_dict")
    parser.add_argument("--weights", metavar="FILE", help="the engine's weights (default: weights/<config>.weights)")
    parser.add_argument("--out", metavar="FILE", type=Path, help="where to save the picture with the result drawn in")
    parser.add_argument("--set", metavar="NAME=VALUE", action="append", default=[], help="a $NAME of the config")
    return parser


def infer(port: Port, picture: Image, args: argparse.Namespace) -> Any:
    """The port's result for a picture, by the engine or the original as the arguments say."""
    part = port.part()
    params = dict(part.params) | _set(args.set)
    if args.original:
        graph = parse_config(part.config_path, params).graph
        shapes.infer(graph)
        feeds, geometry = port.preprocess(picture, {name: graph.specs[name] for name in graph.inputs})
        return port.postprocess(part.run_original(feeds, args.checkpoint), geometry)
    with open_part(port, part, params, args.weights) as engine:
        feeds, geometry = port.preprocess(picture, engine.inputs)
        return port.postprocess(engine.run(feeds), geometry)


def open_part(port: Port, part: Part, params: dict[str, str], weights: str | Path | None = None) -> Engine:
    """The part's engine, from its engine file where that is still right."""
    weights = Path(weights or part.weights_path)
    if not weights.is_file():
        raise WorkbenchError(
            "there is no such weights file yet",
            str(weights),
            f"written once, with PyTorch, from the original: workbench check {port.name} --weights {weights}",
        )
    return build_engine(part.config_path, params, weights)


def _set(texts: Sequence[str]) -> dict[str, str]:
    for text in texts:
        if "=" not in text:
            raise WorkbenchError(f"--set {text}: expected NAME=VALUE")
    return dict(text.split("=", 1) for text in texts)


def save_picture(picture: Image, path: Path) -> Path:
    """Save in the format that the file's ending names, atomically."""
    kind = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG", ".webp": "WEBP"}.get(path.suffix.lower())
    if kind is None:
        raise WorkbenchError(f"cannot write a picture as '{path.suffix}'", str(path), "use .png, .jpg or .webp")
    return write_atomically(path, lambda file: picture.save(file, kind))
