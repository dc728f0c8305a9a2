"""Planned networks as bytes, for an engine file: a JSON header, then constants and compiled kernels. Nothing in it is
executed on the CPU."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import numpy as np

from workbench.engines.cuda.program import Call, Constants, Kernel, Place, Program, Ref, Root
from workbench.engines.cuda.tactics import Trial
from workbench.errors import WorkbenchError

Images = dict[Kernel, bytes]


class Held(NamedTuple):
    """Programs by batch size, what they share, the modules of their kernels, and the trials that chose them."""

    programs: dict[int, Program]
    constants: Constants
    images: Images
    trials: list[Trial]


def write_blob(held: Held) -> np.ndarray:
    """As uint8."""
    programs, constants, images, trials = held
    header = {
        "programs": {str(batch): _dump(program) for batch, program in programs.items()},
        "constants": {key: array.nbytes for key, array in constants.items()},
        "trials": trials,
        "images": [(kernel, len(image)) for kernel, image in images.items()],
    }
    text = json.dumps(header).encode()
    parts = [len(text).to_bytes(8, "little"), text, *(a.tobytes() for a in constants.values()), *images.values()]
    return np.frombuffer(b"".join(parts), np.uint8)


def read_blob(blob: np.ndarray) -> Held:
    """What write_blob wrote; constants stay where they are (an engine file is memory-mapped)."""
    try:
        start = 8 + int.from_bytes(blob[:8].tobytes(), "little")
        header = json.loads(blob[8:start].tobytes())
        constants, images = {}, {}
        for key, size in header["constants"].items():
            constants[key], start = blob[start : start + size], start + size
        for fields, size in header["images"]:
            images[_kernel(fields)], start = blob[start : start + size].tobytes(), start + size
        if start != blob.size:
            raise ValueError(f"{blob.size:,} bytes, expected {start:,}")
        programs = {int(batch): _load(p) for batch, p in header["programs"].items()}
        return Held(programs, constants, images, [Trial(*fields) for fields in header["trials"]])
    except (ValueError, KeyError, TypeError) as error:
        raise WorkbenchError(f"the engine file's plan is damaged: {error}", note="delete it and build again") from error


def _dump(program: Program) -> dict[str, Any]:
    return {name: getattr(program, name) for name in ("calls", "roots", "arena", "bound", "inputs", "outputs")}


def _load(p: dict[str, Any]) -> Program:
    calls = [_call(*fields) for fields in p["calls"]]
    inputs, outputs = ({n: _place(*fields) for n, fields in p[side].items()} for side in ("inputs", "outputs"))
    return Program(calls, [Root(*fields) for fields in p["roots"]], p["arena"], p["bound"], inputs, outputs)


def _call(kernel: Any, grid: Any, block: Any, shared: int, codes: str, args: Any, line: str) -> Call:
    values = tuple(Ref(*a) if isinstance(a, list) else a for a in args)
    return Call(_kernel(kernel), tuple(grid), tuple(block), shared, codes, values, line)


def _kernel(fields: Any) -> Kernel:
    source, storage, defines, function = fields
    return Kernel(source, storage, tuple((name, value) for name, value in defines), function)


def _place(ref: Any, shape: Any, dtype: str, used: Any) -> Place:
    return Place(Ref(*ref), tuple(shape), dtype, Ref(*used) if used else None)
