"""Who runs the same network: the PyTorch original in its usual forms, OpenVINO from its ONNX file, and our engine."""

from __future__ import annotations

import copy
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from workbench.engines.base import Arrays, Engine
from workbench.engines.openvino import core, hints
from workbench.errors import WorkbenchError

Run = Callable[[], object]


def fused(model: Any) -> Any:
    """A copy of the original in eval mode, after its own fuse() where it has one: the original at its best."""
    model = copy.deepcopy(model).eval()
    if callable(getattr(model, "fuse", None)):
        model.fuse()
    return model


def originals(model: Any, example: tuple[np.ndarray, ...], compiled: bool) -> Iterator[tuple[str, Run]]:
    """(name, run) of the original eager, channels_last and, where asked for, through torch.compile."""
    import torch

    model, inputs = fused(model), tuple(torch.from_numpy(np.require(x, requirements=["C", "W"])) for x in example)
    yield "PyTorch eager", _inference(model, inputs)
    last = copy.deepcopy(model).to(memory_format=torch.channels_last)
    moved = tuple(x.contiguous(memory_format=torch.channels_last) if x.ndim == 4 else x for x in inputs)
    yield "PyTorch channels_last", _inference(last, moved)
    if compiled:
        yield "torch.compile", _inference(torch.compile(model), inputs)


def _inference(model: Any, inputs: tuple[Any, ...]) -> Run:
    import torch

    def run() -> object:
        with torch.inference_mode():
            return model(*inputs)

    return run


def from_onnx(model: Any, example: tuple[np.ndarray, ...], precision: str, threads: int | None) -> Run:
    """OpenVINO on the original exported to ONNX, with the hints that our engine has. Raises WorkbenchError."""
    import torch

    inputs = tuple(torch.from_numpy(np.require(x, requirements=["C", "W"])) for x in example)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(folder) / "original.onnx"
        try:
            torch.onnx.export(fused(model), inputs, str(path), dynamo=False)
        except Exception as error:  # the exporter raises whatever the model makes it raise
            first = str(error).strip().splitlines()[:1]
            raise WorkbenchError(f"the original cannot be exported to ONNX: {''.join(first)}") from error
        request = core().compile_model(core().read_model(path), "CPU", hints(precision, threads)).create_infer_request()
    return lambda: request.infer(list(example), share_inputs=True, share_outputs=True)


def ours(engine: Engine, feeds: Arrays) -> Run:
    """Our engine, as a program uses it: every check of its feeds included."""
    return lambda: engine.run(feeds)
