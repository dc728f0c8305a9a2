"""`python -m workbench.ports.<model> SOURCE`: a port as a program that only infers, with the engine or the original."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from workbench.errors import WorkbenchError
from workbench.ports.base import Port
from workbench.ports.common.pictures import open_picture, save_picture
from workbench.ports.common.video import Video, is_video, video_writer
from workbench.ports.networks import Networks

STOPPED = 130  # what a shell gives for a program that Ctrl-C ended


def main(port: Port, arguments: Sequence[str] | None = None) -> int:
    """Run the port on a picture or a video, print the result or save what is drawn.

    Returns 0; 2 for an error, which is told; 130 where Ctrl-C ended it.
    """
    args, options = _parse(port, arguments)
    try:
        with _networks(port, args) as networks:
            if args.source and is_video(args.source):
                return play(port, networks, args.source, args.out, options)
            show(port, networks, args.source, args.out, options)
    except WorkbenchError as error:
        print(error, file=sys.stderr)
        return 2
    except BrokenPipeError:  # the reader of our output went away, as `| head` does
        sys.stderr.close()
    except KeyboardInterrupt:
        return STOPPED
    return 0


def _parse(port: Port, arguments: Sequence[str] | None) -> tuple[argparse.Namespace, dict[str, Any]]:
    """The program's arguments, and the port's own options by name."""
    own = argparse.ArgumentParser(add_help=False)
    port.add_arguments(own)
    parser = argparse.ArgumentParser(
        prog=f"python -m workbench.ports.{port.name}",
        description=f"{port.title}. Runs the engine, without PyTorch; with --original, the PyTorch original.",
        epilog=f"Licence: {port.licence}. {port.paper}",
        parents=[own],
    )
    parser.add_argument(
        "source", nargs="?", help="a picture, a video file or a camera's number (default: the port's own sample)"
    )
    parser.add_argument("--original", action="store_true", help="run the PyTorch original instead of the engine")
    parser.add_argument("--checkpoint", metavar="FILE", help="with --original: its weights, a state_dict")
    part = "" if len(port.parts) == 1 else "PART="
    parser.add_argument("--weights", metavar=f"{part}FILE", action="append", default=[],
                        help="the engine's weights (default: weights/<config>.weights)")  # fmt: skip
    parser.add_argument("--out", metavar="FILE", type=Path, help="save the picture or video with the results drawn in")
    parser.add_argument("--set", metavar="NAME=VALUE", action="append", default=[], help="a $NAME of the config")
    parser.add_argument("--precision", help="the engine's: f32, bf16 or f16 (default: the config's prec_mode)")
    parser.add_argument("--threads", type=int, help="the engine's CPU threads (default: all)")
    args = parser.parse_args(arguments)
    return args, {name: getattr(args, name) for name in vars(own.parse_args([]))}


def _networks(port: Port, args: argparse.Namespace) -> Networks:
    one = len(port.parts) == 1
    return Networks(
        port,
        _pairs("--set", args.set),
        weights={"": args.weights[-1]} if one and args.weights else _pairs("--weights", args.weights),
        original=args.original,
        checkpoint=args.checkpoint,
        precision=args.precision,
        threads=args.threads,
    )


def _pairs(option: str, texts: Sequence[str]) -> dict[str, str]:
    for text in texts:
        if "=" not in text:
            raise WorkbenchError(f"{option} {text}: expected NAME=VALUE")
    return dict(text.split("=", 1) for text in texts)


def show(port: Port, networks: Networks, source: str | None, out: Path | None, options: dict[str, Any]) -> None:
    """Print the result for a picture (the port's sample where none is named); save it drawn into `out`."""
    picture = open_picture(source) if source else port.sample()
    result = port.infer(networks, picture, **options)
    print(result)
    if out:
        save_picture(port.draw(picture, result), out)


def play(port: Port, networks: Networks, source: str, out: Path | None, options: dict[str, Any]) -> int:
    """Each frame's result, printed or drawn into the video `out`; Ctrl-C ends it and keeps what was written."""
    done = 0
    with Video(source) as video, video_writer(out, video.rate) if out else nullcontext() as write:
        try:
            for frame in _progress(video, shown=bool(write) or not sys.stdout.isatty()):
                result = port.infer(networks, frame, **options)
                if write:
                    write(np.asarray(port.draw(Image.fromarray(frame), result)))
                else:
                    print(f"frame {done}: {result}", flush=True)
                done += 1
        except KeyboardInterrupt:
            if not done:
                raise
            print(f"stopped after {done} frames", file=sys.stderr)
            return STOPPED
    if done < 0.98 * video.count - 1:  # the count of some containers is rounded from a duration
        print(f"{source} holds {done} frames that can be read, of {video.count}: it is cut off", file=sys.stderr)
    return 0


def _progress(video: Video, shown: bool) -> Iterable[np.ndarray]:
    """The frames with a bar on a terminal, which tells frames per second and the time left."""
    try:
        from tqdm import tqdm
    except ModuleNotFoundError:
        return video
    hidden = not (shown and sys.stderr.isatty())
    return tqdm(video, video.source, total=video.count or None, unit=" frames", disable=hidden)
