"""A custom layer from its two files."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

from workbench.custom.layer import CudaLayer
from workbench.errors import WorkbenchError
from workbench.layers.base import LAYERS, MODES


def load(path: str | Path) -> list[type[CudaLayer]]:
    """Import a Python file that defines CudaLayers, and register them; each finds its kernel in the .cu of its stem.

    Raises WorkbenchError where the file cannot be read, fails, or defines none.
    """
    path = Path(path).resolve()
    if not path.is_file():
        raise WorkbenchError("there is no such file", str(path), "name a Python file that defines a CudaLayer")
    name = f"custom_layers_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise WorkbenchError("this is no Python file", str(path), "the class stands in a .py, the kernel in a .cu")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and the class's own file are looked up there
    try:
        spec.loader.exec_module(module)
    except WorkbenchError as error:
        raise error.at(str(path)) from None
    except Exception as error:  # the user's own code: whatever it raises is told with its line
        raise WorkbenchError(f"{type(error).__name__}: {error}", _line_in(path, error)) from error
    found = [
        cls for cls in {*LAYERS.values(), *MODES.values()} if cls.__module__ == name and issubclass(cls, CudaLayer)
    ]
    if not found:
        raise WorkbenchError("the file defines no custom layer", str(path), 'decorate a class with @cuda_layer("tag")')
    return sorted(found, key=lambda cls: cls.__name__)


def _line_in(path: Path, error: BaseException) -> str:
    """path:line where an error came up in the file; a SyntaxError says its own."""
    if isinstance(error, SyntaxError):
        return f"{path}:{error.lineno}"
    trace, line = error.__traceback__, 0
    while trace:
        line = trace.tb_lineno if trace.tb_frame.f_code.co_filename == str(path) else line
        trace = trace.tb_next
    return f"{path}:{line}" if line else str(path)
