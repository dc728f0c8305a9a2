"""The porting workbench: port a PyTorch model, layer by layer, onto a small, fast engine, and prove every tensor right.

session = workbench.Session(model, example, "model.cfg")
print(session.check())                          every line against the original
engine = session.build("model.engine")          or workbench.open_engine("model.engine"), without PyTorch
outputs = engine.run({"INPUT": array})
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from workbench.engines.base import Engine
    from workbench.engines.build import build_engine, open_engine
    from workbench.errors import WorkbenchError
    from workbench.layers.base import Layer, layer
    from workbench.ports import get_port
    from workbench.session import Session

# Loaded when first asked for, so that running an engine never loads what only porting needs.
_HOMES = {
    "Engine": "workbench.engines.base",
    "Layer": "workbench.layers.base",
    "Session": "workbench.session",
    "WorkbenchError": "workbench.errors",
    "build_engine": "workbench.engines.build",
    "get_port": "workbench.ports",
    "layer": "workbench.layers.base",
    "open_engine": "workbench.engines.build",
}

__all__ = ["Engine", "Layer", "Session", "WorkbenchError", "build_engine", "get_port", "layer", "open_engine"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'workbench' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
