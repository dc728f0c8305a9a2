"""The example inputs of a model, and the tensors inside whatever its modules take and return."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import torch

from workbench.errors import WorkbenchError


class Example(NamedTuple):
    """What a model's forward is called with."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]

    @classmethod
    def of(cls, value: Any) -> Example:
        """From one tensor or array, a tuple or list of arguments, or a mapping of keyword arguments."""
        if isinstance(value, Example):
            return value
        if isinstance(value, Mapping):
            return cls((), {name: _tensor(v) for name, v in value.items()})
        if isinstance(value, tuple | list):
            return cls(tuple(_tensor(v) for v in value), {})
        return cls((_tensor(value),), {})

    def tensors(self) -> list[torch.Tensor]:
        """The input tensors in order: `input`, `input:1`, ..."""
        return tensors_in((self.args, self.kwargs))

    def copy(self) -> Example:
        """With cloned tensors: some models write into their inputs."""
        return Example(*_map((self.args, self.kwargs), lambda t: t.detach().clone()))

    def bound(self, model: torch.nn.Module) -> Example:
        """The same in the order of the forward's parameters. Raises WorkbenchError unless it takes these arguments."""
        signature = inspect.signature(model.forward)
        try:
            bound = signature.bind(*self.args, **self.kwargs)
        except TypeError as error:
            raise WorkbenchError(
                f"the example does not fit {type(model).__name__}.forward{signature}: {error}",
                note="give a tensor, a tuple of arguments, or a dict of keyword arguments",
            ) from error
        return Example(bound.args, bound.kwargs)


def _tensor(value: Any) -> Any:
    return torch.from_numpy(np.ascontiguousarray(value)) if isinstance(value, np.ndarray) else value


def _map(value: Any, f: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return f(value)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(_map(v, f) for v in value))
    if isinstance(value, tuple | list):
        return type(value)(_map(v, f) for v in value)
    return {k: _map(v, f) for k, v in value.items()} if isinstance(value, dict) else value


def tensors_in(value: Any) -> list[torch.Tensor]:
    """The tensors inside nested tuples, lists, mappings and dataclasses, in their order."""
    if isinstance(value, torch.Tensor):
        return [value]
    if isinstance(value, Mapping):
        value = value.values()
    elif dataclasses.is_dataclass(value):
        value = [getattr(value, field.name) for field in dataclasses.fields(value)]
    elif not isinstance(value, tuple | list):
        return []
    return [t for v in value for t in tensors_in(v)]


@contextmanager
def evaluating(model: torch.nn.Module) -> Iterator[None]:
    """The model in eval mode and without gradients; every module's own mode comes back afterwards.

    Not inference_mode: tensors that a model caches in itself (a detector's anchors) would stay inference tensors.
    Attention's fused path is off: it skips the operators and modules that a port follows, and hooks.
    """
    modes = [(module, module.training) for module in model.modules()]
    fused = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fused)
        for module, mode in modes:
            module.training = mode
