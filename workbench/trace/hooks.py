"""Module level: hooks that see the output tensors of every module call, in any model that runs at all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from workbench.errors import WorkbenchError
from workbench.trace.example import Example, evaluating, tensors_in
from workbench.trace.tie import Tie

Seen = Callable[[Tie, torch.Tensor], None]


@contextmanager
def hooked(model: torch.nn.Module, seen: Seen) -> Iterator[list[str]]:
    """Call `seen` with every output tensor of every module call; yields the stack of modules now running.

    A module that is registered under several names has its first. The model's own outputs are `output`, `output:1`.
    """
    calls: Counter[str] = Counter()
    stack: list[str] = []
    root = own_name(model, "output")

    def before(name: str) -> None:
        if not name:
            calls.clear()
            stack.clear()
        stack.append(name)

    def after(name: str, result: Any) -> None:
        call, calls[name] = calls[name], calls[name] + 1
        for out, tensor in enumerate(tensors_in(result)):
            seen(Tie(name or root, call, out=out), tensor)
        while stack and stack.pop() != name:  # modules whose exception the model itself caught
            pass

    handles = []
    try:
        for name, module in model.named_modules():
            handles.append(module.register_forward_pre_hook(lambda _m, _a, name=name: before(name), prepend=True))
            handles.append(module.register_forward_hook(lambda _m, _a, result, name=name: after(name, result)))
        yield stack
    finally:
        for handle in handles:
            handle.remove()


def own_name(model: torch.nn.Module, word: str) -> str:
    """`word` as the path of the model's own tensors; `model.word` where a submodule already has that name."""
    return f"model.{word}" if model._modules.get(word) is not None else word


def run_hooked(model: torch.nn.Module, example: Example, seen: Seen) -> list[torch.Tensor]:
    """Run the model on a copy of the example; its output tensors.

    Raises WorkbenchError naming the module whose forward failed.
    """
    example = example.bound(model).copy()
    with evaluating(model), hooked(model, seen) as stack:
        try:
            return tensors_in(model(*example.args, **example.kwargs))
        except WorkbenchError:
            raise
        except Exception as error:  # the model is the user's code: it may raise anything
            raise _failed(model, stack, example, error) from error


def _failed(model: torch.nn.Module, stack: list[str], example: Example, error: Exception) -> WorkbenchError:
    name = stack[-1] if stack else ""
    where = f"module '{name}' ({type(model.get_submodule(name)).__name__})" if name else type(model).__name__
    shapes = ", ".join(f"{str(t.dtype).removeprefix('torch.')}{list(t.shape)}" for t in example.tensors())
    message = str(error).strip().splitlines()
    return WorkbenchError(
        f"the original's forward failed in {where}: {type(error).__name__}: {message[0] if message else ''}",
        note=f"the example inputs are {shapes or 'no tensors'}; the model alone must run on them",
    )
