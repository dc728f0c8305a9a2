"""Where NVIDIA's PyPI wheels put their files: site-packages/nvidia/<toolkit or part>/{bin,lib,include}."""

import importlib.util
import os
from pathlib import Path


def nvidia_folders(kind: str) -> list[Path]:
    """All `kind` folders (bin, lib or include) of CUDA_HOME, /usr/local/cuda and the installed wheels."""
    spec = importlib.util.find_spec("nvidia")
    wheels = [Path(place) for place in (spec.submodule_search_locations or [])] if spec else []
    toolkits = [Path(os.environ[name]) for name in ("CUDA_HOME", "CUDA_PATH") if os.environ.get(name)]
    candidates = [toolkit / kind for toolkit in [*toolkits, Path("/usr/local/cuda")]]
    candidates += [folder for wheel in wheels for folder in sorted(wheel.glob(f"*/{kind}"))]
    return [folder for folder in candidates if folder.is_dir()]
