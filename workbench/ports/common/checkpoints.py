"""Loading trained weights into a PyTorch original: a user's checkpoint, or the convolutions of an ONNX file."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import zip_longest
from pathlib import Path
from typing import Any

from workbench.errors import WorkbenchError


def load_checkpoint(module: Any, path: str | Path) -> Any:
    """`module` with the state_dict of a .safetensors file or of what torch.save wrote, every tensor by name.

    Raises WorkbenchError for a missing or foreign file, for one that would need pickle to run code, and, all at once,
    for tensors that are missing, left over or of another shape.
    """
    state = read_state(path)
    own = module.state_dict()
    wrong = [f"missing {name}" for name in own if name not in state]
    wrong += [f"left over {name}" for name in state if name not in own]
    wrong += [
        f"{name} is {list(state[name].shape)}, expected {list(t.shape)}"
        for name, t in own.items()
        if name in state and state[name].shape != t.shape
    ]
    if wrong:
        listed = "; ".join(wrong[:8]) + (f"; and {len(wrong) - 8} more" if len(wrong) > 8 else "")
        raise WorkbenchError(
            f"not a checkpoint of this model: {listed}",
            str(path),
            f"the model has {len(own)} tensors, the file {len(state)}; was it another size or class count?",
        )
    module.load_state_dict(state)
    return module


def read_state(path: str | Path) -> dict[str, Any]:
    """Tensors by name; a training checkpoint's "model" or "state_dict" entry is looked into."""
    import pickle

    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        if Path(path).suffix == ".safetensors":
            return load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise WorkbenchError(f"cannot read the checkpoint: {error.strerror or error}", str(path)) from error
    except SafetensorError as error:
        raise WorkbenchError(f"not a safetensors file, or a damaged one: {error}", str(path)) from error
    except (pickle.UnpicklingError, RuntimeError, EOFError) as error:
        raise WorkbenchError(
            "torch reads no tensors from this file; or it holds objects whose loading would run code",
            str(path),
            "save the model's state_dict: torch.save(model.state_dict(), ...)",
        ) from error
    for entry in ("model", "state_dict"):
        if isinstance(state, Mapping) and isinstance(state.get(entry), Mapping):
            state = state[entry]
    if not isinstance(state, Mapping) or not all(isinstance(t, torch.Tensor) for t in state.values()):
        raise WorkbenchError("holds no state_dict (tensors by name)", str(path), "torch.save(model.state_dict(), ...)")
    return dict(state)


def load_onnx_convolutions(module: Any, path: str | Path, *example: Any) -> Any:
    """`module` with the kernels and biases of an ONNX file, whose convolutions stand in the module's call order.

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
    return module


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
