"""Trained weights out of an ONNX file, whose exporter lost their names, into the PyTorch model it was made from."""

from __future__ import annotations

from itertools import zip_longest
from pathlib import Path
from typing import Any

from workbench.errors import WorkbenchError


def load_convolutions(module: Any, path: str | Path, *example: Any) -> None:
    """Fill `module` with the kernels and biases of an ONNX file, whose convolutions stand in the module's call order.

    An exporter folds batch norm into the convolution before it; the module's batch norm then becomes an identity that
    adds the bias. Raises WorkbenchError unless the count and every kernel's shape agree.
    """
    import torch

    pairs, stored = _called_convolutions(module, *example), _onnx_convolutions(path)
    theirs = [tuple(kernel.shape) for kernel, _ in stored]
    ours = [tuple(conv.weight.shape) for conv, _ in pairs]
    if ours != theirs:
        at = next(i for i, (a, b) in enumerate(zip_longest(ours, theirs)) if a != b)
        raise WorkbenchError(
            f"expected {len(ours)} convolutions as the model calls them; got {len(theirs)}, "
            f"the first to differ is number {at}",
            str(path),
            f"expected kernels {ours[at : at + 1]}, got {theirs[at : at + 1]}: another model's file?",
        )
    with torch.no_grad():
        for (conv, norm), (kernel, bias) in zip(pairs, stored, strict=True):
            conv.weight.copy_(torch.from_numpy(kernel))
            if norm is None:
                conv.bias.copy_(torch.from_numpy(bias))
            else:
                norm.weight.fill_(1)
                norm.bias.copy_(torch.from_numpy(bias))
                norm.running_mean.fill_(0)
                norm.running_var.fill_(1 - norm.eps)


def _called_convolutions(module: Any, *example: Any) -> list[tuple[Any, Any]]:
    """(convolution, the batch norm called right after it or None) in the order of the module's calls."""
    import torch

    called: list[Any] = []
    watched = [m for m in module.modules() if isinstance(m, torch.nn.Conv2d | torch.nn.BatchNorm2d)]
    hooks = [m.register_forward_hook(lambda m, x, y: called.append(m)) for m in watched]
    try:
        with torch.inference_mode():
            module(*example)
    finally:
        for hook in hooks:
            hook.remove()
    return [
        (m, n if isinstance(n, torch.nn.BatchNorm2d) else None)
        for m, n in zip(called, [*called[1:], None], strict=True)
        if isinstance(m, torch.nn.Conv2d)
    ]


def _onnx_convolutions(path: str | Path) -> list[tuple[Any, Any]]:
    """(kernel, bias) of every Conv node of an ONNX file, in the file's order, which is topological."""
    import onnx
    from google.protobuf.message import DecodeError

    try:
        graph = onnx.load(str(path)).graph
    except DecodeError as error:
        raise WorkbenchError("not an ONNX file, or a damaged one", str(path)) from error
    arrays = {t.name: onnx.numpy_helper.to_array(t).copy() for t in graph.initializer}
    return [(arrays[n.input[1]], arrays[n.input[2]]) for n in graph.node if n.op_type == "Conv"]
