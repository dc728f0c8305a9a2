"""Arguments that several commands share, and what they stand for."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from workbench.errors import WorkbenchError
from workbench.layers.base import Ints


class Model(NamedTuple):
    """A model named on the command line: the module, its example, and its config where it is a port's."""

    name: str
    module: Any
    example: tuple[Any, ...]
    config: Path | None
    params: dict[str, str]
    feeds: dict[str, Any] | None


def add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", help="a port's name, or package.module:factory that returns a torch module")
    parser.add_argument("--part", default="", help="which network of a port (default: its first)")
    parser.add_argument("--example", metavar="SHAPE", action="append", help="shape of an input, such as 1,3,224,224")
    parser.add_argument("--checkpoint", metavar="FILE", help="weights to load into the model")


def add_config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", metavar="FILE", type=Path, help="the config (default: the port's own)")
    add_set(parser)


def add_set(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--set", metavar="NAME=VALUE", action="append", default=[], help="a $NAME of the config")


def add_engine(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--engine", default="openvino", help="openvino (default) or reference")
    parser.add_argument("--precision", help="f32, bf16 or f16 (default: the config's prec_mode)")
    parser.add_argument("--threads", type=int, help="CPU threads (default: all)")


def params(args: argparse.Namespace) -> dict[str, str]:
    """--set NAME=VALUE as a dict."""
    wrong = [text for text in args.set if "=" not in text]
    if wrong:
        raise WorkbenchError(f"--set {wrong[0]}: expected NAME=VALUE")
    return dict(text.split("=", 1) for text in args.set)


def load_model(args: argparse.Namespace) -> Model:
    """The model that the command line names, loaded with its example."""
    return _factory(args) if ":" in args.model else _port(args)


def _port(args: argparse.Namespace) -> Model:
    from workbench.ports import get_port

    part = get_port(args.model).part(args.part)
    module = part.original(args.checkpoint) if args.checkpoint else part.original()
    feeds = part.feeds() if part.feeds else None
    return Model(f"{args.model}.{part.name}", module, part.example(), part.config_path, dict(part.params), feeds)


def _factory(args: argparse.Namespace) -> Model:
    module_name, _, attribute = args.model.partition(":")
    if not args.example:
        raise WorkbenchError(f"{args.model} needs an example input", note="--example 1,3,224,224 (once per input)")
    sys.path.insert(0, "")  # a module in the folder one stands in, as `python -m` finds it
    try:
        factory = getattr(importlib.import_module(module_name), attribute)
    except (ImportError, AttributeError) as error:
        raise WorkbenchError(f"cannot load {args.model}: {error}", note="give package.module:factory") from error
    from workbench.trace.factory import call_factory, example_of

    shapes = [tuple(Ints(text)) for text in args.example]
    return Model(args.model, call_factory(factory, args.checkpoint), example_of(shapes), None, {}, None)


def progress(items: Iterable[Any], title: str, total: int | None = None) -> Iterator[Any]:
    """The items with a progress bar on a terminal, where tqdm is installed; silent otherwise."""
    try:
        from tqdm import tqdm
    except ModuleNotFoundError:
        return iter(items)
    return iter(tqdm(items, title, total=total, disable=not sys.stderr.isatty(), leave=False))
