"""Who runs the same network: the PyTorch original in its usual forms, OpenVINO from its ONNX file, and our engine."""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from workbench.engines.base import Arrays, Engine
from workbench.engines.openvino import core, hints
from workbench.export.to_onnx import export_onnx

Run = Callable[[], object]
EAGER, LAST, COMPILED = "PyTorch eager", "PyTorch channels_last", "torch.compile"
ONNX, OURS = "OpenVINO from ONNX", "workbench"


def fused(model: Any) -> Any:
    """The model in eval mode, after its own fuse() where it has one: the original at its best."""
    model.eval()
    if callable(getattr(model, "fuse", None)):
        model.fuse()
    return model


def originals(
    model: Any, example: Sequence[np.ndarray], precision: str = "f32", compiled: bool = False
) -> Iterator[tuple[str, Run]]:
    """(name, run) of a fused original: eager, channels_last, and through torch.compile where that is asked for."""
    import torch

    inputs = tuple(torch.from_numpy(np.require(x, requirements=["C", "W"])) for x in example)
    yield EAGER, inference(model, inputs, precision)
    last = copy.deepcopy(model).to(memory_format=torch.channels_last)
    moved = tuple(x.contiguous(memory_format=torch.channels_last) if x.ndim == 4 else x for x in inputs)
    yield LAST, inference(last, moved, precision)
    if compiled:
        import torch._dynamo

        torch._dynamo.config.recompile_limit = 64  # each precision and batch of the same code counts
        yield COMPILED, inference(torch.compile(copy.deepcopy(model)), inputs, precision)


def inference(model: Any, inputs: Sequence[Any], precision: str = "f32") -> Run:
    """A run in inference_mode; in bf16 and f16 with autocast, which keeps in float32 what would not bear rounding."""
    import torch

    kind = {"bf16": torch.bfloat16, "f16": torch.float16}.get(precision)

    def run() -> object:
        with torch.inference_mode(), torch.autocast("cpu", kind, enabled=kind is not None):
            return model(*inputs)

    return run


def from_onnx(model: Any, example: Sequence[np.ndarray], precision: str, threads: int) -> Run:
    """OpenVINO on the fused original's ONNX file, with the hints that our engine has. Raises WorkbenchError."""
    with tempfile.TemporaryDirectory() as folder:
        path = export_onnx(copy.deepcopy(model), example, Path(folder) / "original.onnx")
        request = core().compile_model(core().read_model(path), "CPU", hints(precision, threads)).create_infer_request()
    return lambda: request.infer(list(example), share_inputs=True, share_outputs=True)


def ours(engine: Engine, feeds: Arrays) -> Run:
    """Our engine, as a program uses it: every check of its feeds included."""
    return lambda: engine.run(feeds)
