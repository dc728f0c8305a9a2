"""The command `workbench`: one module per subcommand, each with `add` (its arguments) and `run`."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence

from workbench import __version__
from workbench.errors import WorkbenchError

COMMANDS = {
    "check": "check every line of a config against the PyTorch model",
    "diagnose": "the first wrong line of a config, and what it would take to match",
    "reproduce": "one line of a config as a folder that runs alone, to look into or to send",
    "build": "build an engine file from a config and its weights",
    "run": "run an engine on an array or a picture",
    "bench": "speed and memory against PyTorch, side by side",
    "faultbench": "how well the diagnosis finds faults, measured by planting them",
    "explain": "a config as a table, as a graph picture, or compared with another",
    "convert-v4": "rewrite a config of the older V4 dialect as V5.1",
    "custom": "check layers of your own with CUDA kernels: in the emulator, against a reference, on a GPU",
    "dict": "print or write the layer dictionary, or the language reference",
    "selftest": "every layer and port on the GPU against PyTorch, with speeds and memory, as one record",
    "doctor": "what this machine has, and what each missing thing costs",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code: 0 fine, 1 a check failed, 2 an error that is told."""
    parser = argparse.ArgumentParser(prog="workbench", description="Port PyTorch models, layer by layer.")
    parser.add_argument("--version", action="version", version=f"workbench {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, help_text in COMMANDS.items():
        module = importlib.import_module(f"workbench.cli.{name.replace('-', '_')}")
        sub = commands.add_parser(name, help=help_text, description=f"workbench {name}: {help_text}.")
        module.add(sub)
        sub.set_defaults(run=module.run)
    args = parser.parse_args(argv)
    try:
        return args.run(args)
    except WorkbenchError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of our output went away, as `| head` does
        sys.stderr.close()
        return 0
