"""workbench run: feed an engine file with arrays or a picture, and print or save what it gives."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from workbench.engines.base import Arrays, Engine
from workbench.engines.build import open_engine
from workbench.errors import WorkbenchError
from workbench.graph import TensorSpec


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("engine", help="the engine file")
    parser.add_argument("feeds", nargs="*", metavar="[NAME=]FILE", help=".npy arrays, or pictures for u8 inputs")
    parser.add_argument("--out", metavar="FOLDER", type=Path, help="save each output as FOLDER/NAME.npy")
    parser.add_argument("--threads", type=int, help="CPU threads (default: all)")


def run(args: argparse.Namespace) -> int:
    with open_engine(args.engine, threads=args.threads) as engine:
        print(engine.note)
        outputs = engine.run(_feeds(engine, args.feeds))
    for name, x in outputs.items():
        print(f"{name} {x.dtype}{list(x.shape)} min {x.min():.6g} max {x.max():.6g} mean {x.mean():.6g}")
        if args.out:
            _save(args.out / f"{name}.npy", x)
    return 0


def _feeds(engine: Engine, words: list[str]) -> Arrays:
    names = list(engine.inputs)
    if len(words) != len(names):
        raise WorkbenchError(f"expected {len(names)} feeds, for {', '.join(names)}; got {len(words)}")
    feeds = {}
    for i, word in enumerate(words):
        name, _, path = word.rpartition("=")
        name = name or names[i]
        if name not in engine.inputs:
            raise WorkbenchError(f"no input is named '{name}'", note=f"inputs: {', '.join(names)}")
        feeds[name] = _load(Path(path), engine.inputs[name])
    return feeds


def _load(path: Path, spec: TensorSpec) -> np.ndarray:
    """An .npy file as it is; a picture as RGB of the input's size, for a u8 input of N,H,W,3."""
    try:
        if path.suffix == ".npy":
            return np.load(path, allow_pickle=False)
        if spec.dtype != "u8" or len(spec.shape) != 4 or spec.shape[3] != 3:
            raise WorkbenchError(f"expected an .npy array for {spec}", str(path), "pictures feed u8 inputs of N,H,W,3")
        from PIL import Image

        with Image.open(path) as picture:
            size = (spec.shape[2], spec.shape[1])
            return np.asarray(picture.convert("RGB").resize(size, Image.Resampling.BILINEAR))[None]
    except (OSError, ValueError) as error:
        raise WorkbenchError(f"cannot read the feed: {error}", str(path), "give an .npy array or a picture") from error


def _save(path: Path, x: np.ndarray) -> None:
    from workbench.atomic import write_atomically

    write_atomically(path, lambda file: np.save(file, x, allow_pickle=False))
