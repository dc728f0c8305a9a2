"""The original that a name stands for: a port's, or what package.module:factory makes."""

from __future__ import annotations

import importlib
import sys
from typing import Any

from workbench.errors import WorkbenchError
from workbench.ports import get_port


def load(name: str, part: str = "", checkpoint: str | None = None) -> Any:
    """The torch module in eval mode, with a checkpoint's weights where one is given. Raises WorkbenchError."""
    if ":" not in name:
        original = get_port(name).part(part).original
        return original(checkpoint) if checkpoint else original()
    module_name, _, attribute = name.partition(":")
    if "" not in sys.path:
        sys.path.insert(0, "")  # a module in the folder one stands in, as `python -m` finds it
    try:
        model = getattr(importlib.import_module(module_name), attribute)()
    except (ImportError, AttributeError, TypeError) as error:
        problem = f"cannot make {name}: {type(error).__name__}: {error}"
        raise WorkbenchError(problem, note="give package.module:factory") from error
    if not callable(getattr(model, "state_dict", None)):
        raise WorkbenchError(f"{name} gives a {type(model).__name__}; expected a torch.nn.Module")
    if checkpoint:
        from workbench.weights.checkpoint import load_checkpoint, load_into

        load_into(model, load_checkpoint(checkpoint), checkpoint)
    return model.eval()
