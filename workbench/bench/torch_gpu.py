"""The PyTorch original on a GPU: eager, and torch.compile with CUDA graphs."""

from __future__ import annotations

import copy
import gc
import statistics
from collections.abc import Sequence
from typing import Any

import numpy as np


def torch_on_gpu(
    model: Any, example: Sequence[np.ndarray], rounds: int, *, tf32: bool = False, compiled: bool = False
) -> dict[str, Any]:
    """Median milliseconds from host arrays to host arrays, as the engine's, and the most bytes that were reserved.

    tf32: whether float32 products may be rounded so, as in the engine's tf32. compiled: by torch.compile(max-autotune),
    which takes minutes; else eager. An entry `..._error` says why there is no time.
    """
    import torch

    if not torch.cuda.is_available():
        return {"torch_error": "this PyTorch sees no GPU"}
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = tf32
    kind = "compiled" if compiled else "eager"
    gc.collect()
    torch.cuda.empty_cache()  # what networks before this one have left is not this one's
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_reserved()
    try:
        inputs = [torch.from_numpy(np.ascontiguousarray(x)) for x in example]
        moved = copy.deepcopy(model).eval().cuda()
        run = torch.compile(moved, mode="max-autotune") if compiled else moved
        milliseconds = _median_ms(run, inputs, rounds)
        return {f"{kind}_ms": milliseconds, f"{kind}_bytes": torch.cuda.max_memory_reserved() - before}
    except Exception as error:  # PyTorch's compiler raises many kinds for models that it cannot follow
        return {f"{kind}_error": f"{type(error).__name__}: {error}".splitlines()[0]}
    finally:
        if compiled:
            torch._dynamo.reset()


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
