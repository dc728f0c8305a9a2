"""The PyTorch original on a GPU: eager, and torch.compile with CUDA graphs."""

from __future__ import annotations

import copy
import statistics
from collections.abc import Sequence
from typing import Any

import numpy as np


def torch_on_gpu(model: Any, example: Sequence[np.ndarray], rounds: int) -> dict[str, Any]:
    """Median milliseconds from host arrays to host arrays, as the engine's, and the most bytes that were reserved.

    TF32 is off, as in the engine's f32. `compile_error` says why torch.compile gave nothing.
    """
    import torch

    if not torch.cuda.is_available():
        return {"torch_error": "this PyTorch sees no GPU"}
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    inputs = [torch.from_numpy(np.ascontiguousarray(x)) for x in example]
    moved = copy.deepcopy(model).eval().cuda()
    torch.cuda.reset_peak_memory_stats()
    found: dict[str, Any] = {"tf32": False, "eager_ms": _median_ms(moved, inputs, rounds)}
    found["eager_bytes"] = torch.cuda.max_memory_reserved()
    try:
        found["compiled_ms"] = _median_ms(torch.compile(moved, mode="max-autotune"), inputs, rounds)
    except Exception as error:  # torch.compile raises many kinds for models that it cannot follow
        found["compile_error"] = f"{type(error).__name__}: {error}".splitlines()[0]
    return found


def _median_ms(model: Any, inputs: Sequence[Any], rounds: int) -> float:
    import torch

    times = []
    with torch.inference_mode():
        for i in range(rounds + 3):  # three to warm up
            start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            start.record()
            _to_host(model(*(x.cuda() for x in inputs)))
            end.record()
            end.synchronize()
            if i >= 3:
                times.append(start.elapsed_time(end))
    return statistics.median(times)


def _to_host(y: Any) -> None:
    if hasattr(y, "cpu"):
        y.cpu()
    elif isinstance(y, dict):
        _to_host(list(y.values()))
    elif isinstance(y, list | tuple):
        for item in y:
            _to_host(item)
