"""The ported models, one module each. Listing them imports none; getting one loads no torch."""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from typing import TYPE_CHECKING

from workbench.errors import WorkbenchError

if TYPE_CHECKING:
    from workbench.ports.base import Port

_HELPERS = ("base", "load", "networks", "run")

# Every other module of this folder is a port and defines PORT.
PORTS = tuple(sorted(m.name for m in pkgutil.iter_modules(__path__) if not m.ispkg and m.name not in _HELPERS))


def get_port(name: str) -> Port:
    """The port of that name. Raises WorkbenchError, with the nearest name, where there is none."""
    if name not in PORTS:
        close = difflib.get_close_matches(name, PORTS, 1)
        hint = f"did you mean '{close[0]}'? " if close else ""
        raise WorkbenchError(f"no port is named '{name}'", note=f"{hint}ports: {', '.join(PORTS)}")
    return importlib.import_module(f"workbench.ports.{name}").PORT
