"""Arguments that several commands share, and what they stand for."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.errors import WorkbenchError
from workbench.layers.base import Ints

if TYPE_CHECKING:
    from workbench.session import Session


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
    parser.add_argument("--engine", default="openvino", help="openvino (default), cuda, emulator or reference")
    parser.add_argument("--precision", help="f32, bf16 or f16 (default: the config's prec_mode)")
    parser.add_argument("--threads", type=int, help="CPU threads (default: all)")


def params(args: argparse.Namespace) -> dict[str, str]:
    """--set NAME=VALUE as a dict."""
    wrong = [text for text in args.set if "=" not in text]
    if wrong:
        raise WorkbenchError(f"--set {wrong[0]}: expected NAME=VALUE")
    return dict(text.split("=", 1) for text in args.set)


def open_session(args: argparse.Namespace, **more: Any) -> Session:
    """The session of the model, config and engine that the command line names; `more` are further options of it."""
    from workbench.session import Session

    options = {"engine": args.engine, "precision": args.precision or "f32", "threads": args.threads, **more}
    if ":" not in args.model:
        return Session.of_port(
            args.model, args.part, checkpoint=args.checkpoint, config=args.config, params=params(args), **options
        )
    if not args.config:
        raise WorkbenchError(f"{args.model} needs a config", note="--config FILE")
    from workbench.ports.load import load

    model = load(args.model, checkpoint=args.checkpoint)
    return Session(model, _example(args), args.config, params(args), **options)


def _example(args: argparse.Namespace) -> tuple[np.ndarray, ...]:
    """Normal random float32 inputs of the shapes given, the same ones every time."""
    if not args.example:
        raise WorkbenchError(f"{args.model} needs an example input", note="--example 1,3,224,224 (once per input)")
    rng = np.random.default_rng(0)
    try:
        return tuple(rng.standard_normal(Ints(text)).astype(np.float32) for text in args.example)
    except ValueError as error:
        raise WorkbenchError(f"--example: expected sizes such as 1,3,224,224; {error}") from error


def progress(items: Iterable[Any], title: str, total: int) -> Iterable[Any]:
    """The items with a progress bar on a terminal, where tqdm is installed; silent otherwise."""
    try:
        from tqdm import tqdm
    except ModuleNotFoundError:
        return items
    return tqdm(items, title, total=total, disable=not sys.stderr.isatty(), leave=False)
