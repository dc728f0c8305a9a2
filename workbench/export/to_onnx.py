"""The original as an ONNX file, for whoever runs it elsewhere, and for the benchmarks' baseline."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from workbench.errors import WorkbenchError


def export_onnx(model: Any, example: Sequence[np.ndarray], path: str | Path) -> Path:
    """Write the torch module, traced on inputs of fixed shapes. Raises WorkbenchError with the exporter's reason.

    It is the exporter that needs no package besides torch and onnx.
    """
    import torch

    inputs = tuple(torch.from_numpy(np.require(x, requirements=["C", "W"])) for x in example)
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")  # what it says is for torch's authors
        try:
            torch.onnx.export(model, inputs, str(path), dynamo=False)
        except Exception as error:  # the model is the user's code, and the exporter raises many kinds
            reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
            raise WorkbenchError(f"{type(model).__name__} cannot be exported to ONNX: {reason}") from error
    return Path(path)
