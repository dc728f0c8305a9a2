"""What can be wrong with a weights file, a function for each cause, beside the floats that the model would give."""

import importlib

for _name in ("misplaced", "types", "tensors", "folds"):
    importlib.import_module(f"{__name__}.{_name}")
