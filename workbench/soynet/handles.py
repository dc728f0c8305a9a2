"""The five calls of SoyNet's module. A handle is a number; what is behind it may be used by several threads."""

from __future__ import annotations

import itertools
import os
import threading
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from workbench.config.dictionary import IGNORED
from workbench.config.parse import Parsed, parse_config
from workbench.engines.base import Arrays, Engine
from workbench.engines.build import build_network, load_network
from workbench.engines.file import EngineFile
from workbench.errors import WorkbenchError
from workbench.graph import DTYPES, TensorSpec
from workbench.soynet.buffers import as_input, fill

_handles: dict[int, _Handle] = {}
_numbers = itertools.count(1)


class _Handle:
    """An engine, what it was fed last and what it gave last. The lock keeps one call from freeing under another."""

    def __init__(self, engine: Engine) -> None:
        self.engine, self.lock = engine, threading.Lock()
        self.inputs, self.outputs = list(engine.inputs), list(engine.outputs)
        # Programs warm up before they feed: an input begins as zeros, like memory that was just allocated.
        self.feeds: Arrays = {name: _zeros(spec) for name, spec in engine.inputs.items()}
        self.results: Arrays | None = None


def initSoyNet(
    cfg: str | os.PathLike[str],
    extend_param: str | None = "",
    *,
    engine: str = "openvino",
    precision: str | None = None,
    threads: int | None = None,
) -> int:
    """Build the engine of a config file, or open its engine_file where that is still right; returns its handle.

    `extend_param` gives the config's $NAMEs: "BATCH_SIZE=1 RE_SIZE=480,640". engine, precision and threads are the
    workbench's own: which engine runs it, prec_mode instead of the config's, and CPU threads. With make_engine=0 the
    engine file must be right, and may stand without the weight_file. [model] keys without effect, and all else that
    is worth a warning, are told in one UserWarning. Raises WorkbenchError(s) for whatever is wrong.
    """
    if not isinstance(cfg, str | os.PathLike):
        raise WorkbenchError(f"initSoyNet: expected the path of a config; got {type(cfg).__name__}")
    parsed = parse_config(Path(cfg), extend_param or "")
    _note(parsed)
    network = load_network(parsed.document, extend_param or "", _engine_files_weights(parsed.graph.model))
    built = build_network(network, engine=engine, precision=precision, threads=threads)
    number = next(_numbers)
    _handles[number] = _Handle(built)
    return number


def feedData(handle: int, index: int, array: Any) -> None:
    """Copy an array into input `index`. Its dtype and number of values must be the input's; its shape need not be."""
    held = _find(handle)
    name = _name(held.inputs, index, "input")
    try:
        feed = as_input(array, held.engine.inputs[name])
    except WorkbenchError as error:
        raise error.at("", f"feedData: input {index} '{name}'") from None
    with held.lock:
        held.feeds[name] = feed


def inference(handle: int) -> None:
    """Run the network on what was fed. Inputs that were never fed are zeros."""
    held = _find(handle)
    with held.lock:
        held.results = held.engine.run(held.feeds)


def getOutput(handle: int, index: int, array: Any) -> None:
    """Copy output `index` of the last inference into the array, plain or of structs (buffers.fill tells how)."""
    held = _find(handle)
    name = _name(held.outputs, index, "output")
    results = held.results
    if results is None:
        raise WorkbenchError(f"getOutput: handle {handle} has no output yet", note="call inference(handle) first")
    try:
        fill(array, results[name])
    except WorkbenchError as error:
        raise error.at("", f"getOutput: output {index} '{name}'") from None


def freeSoyNet(handle: int) -> None:
    """Free the handle's engine and memory, after any inference that still runs on it."""
    held = _find(handle)
    if _handles.pop(handle, None) is None:  # another thread was faster
        _find(handle)
    with held.lock:
        held.engine.close()


def _find(handle: Any) -> _Handle:
    held = _handles.get(handle) if isinstance(handle, int) else None
    if held is None:
        alive = ", ".join(map(str, _handles)) or "none"
        raise WorkbenchError(f"{handle!r} is no handle, or was freed", note=f"handles from initSoyNet: {alive}")
    return held


def _name(names: list[str], index: Any, what: str) -> str:
    if not isinstance(index, int | np.integer) or not 0 <= index < len(names):
        every = ", ".join(f"{i} {name}" for i, name in enumerate(names))
        raise WorkbenchError(f"no {what} has the index {index!r}", note=f"{what}s: {every}")
    return names[index]


def _note(parsed: Parsed) -> None:
    """One warning with everything that the caller may want to know and need not."""
    unused = [key for key in parsed.graph.model if key in IGNORED]
    lines = [f"without effect here: {', '.join(unused)}"] if unused else []
    lines += map(str, parsed.warnings)
    if lines:
        warnings.warn(f"{parsed.graph.file}: {'; '.join(lines)}", UserWarning, stacklevel=3)


def _engine_files_weights(model: dict[str, str]) -> np.ndarray | None:
    """The weights that the engine file holds, where it is to be opened and the weight_file was left at home."""
    path = model.get("engine_file", "")
    if model.get("make_engine") != "0" or not path or os.path.isfile(model.get("weight_file", "")):
        return None
    return np.asarray(EngineFile.load(path).weights)


def _zeros(spec: TensorSpec) -> np.ndarray:
    return np.zeros([abs(n) for n in spec.shape], DTYPES[spec.dtype])
