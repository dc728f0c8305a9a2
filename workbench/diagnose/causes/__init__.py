"""The causes, one function each; the order of this list is the order in which they are tried, the costliest last."""

import importlib

for _name in (
    "activation",
    "windows",
    "norms",
    "maps",
    "joins",
    "arrangement",
    "weights",
    "picture",
    "boxes",
    "inputs",
):
    importlib.import_module(f"{__name__}.{_name}")
