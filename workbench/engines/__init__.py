"""The engines by name; each is imported only when asked for."""

from __future__ import annotations

import importlib

from workbench.engines.base import Engine
from workbench.errors import WorkbenchError

ENGINES = {
    "openvino": "workbench.engines.openvino:OpenVINOEngine",
    "reference": "workbench.engines.reference:ReferenceEngine",
    "cuda": "workbench.engines.cuda.engine:CudaEngine",
    "emulator": "workbench.engines.cuda.engine:EmulatorEngine",
}


def engine_class(name: str) -> type[Engine]:
    """The engine of this name. Raises WorkbenchError where there is none or its library is missing."""
    if name not in ENGINES:
        raise WorkbenchError(f"no engine is named '{name}'", note=f"engines: {', '.join(ENGINES)}")
    module, cls = ENGINES[name].split(":")
    try:
        return getattr(importlib.import_module(module), cls)
    except ModuleNotFoundError as error:
        raise WorkbenchError(
            f"the {name} engine needs the package {error.name}", note=f"pip install {error.name}"
        ) from error
