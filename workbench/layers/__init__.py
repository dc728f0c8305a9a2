"""Every layer of the language, one file each; importing this package registers them all in LAYERS."""

import importlib
import pkgutil

from workbench.layers.base import LAYERS, Layer, layer

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")

__all__ = ["LAYERS", "Layer", "layer"]
