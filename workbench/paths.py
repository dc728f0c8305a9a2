"""Where the files that travel with the package lie, in a checkout and in an installed wheel alike."""

import os
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def configs_dir() -> Path:
    """The folder of the shipped configs: `workbench/_configs` in a wheel, `configs/` at the root of a checkout."""
    installed = _PACKAGE / "_configs"
    return installed if installed.is_dir() else _short(_PACKAGE.parent / "configs")


def samples_dir() -> Path:
    """The small trained sample's folder: `workbench/_samples` in a wheel, `weights/sample/` in a checkout."""
    installed = _PACKAGE / "_samples"
    return installed if installed.is_dir() else _short(_PACKAGE.parent / "weights" / "sample")


def _short(path: Path) -> Path:
    """The path from where one stands, if that is inside the checkout: messages then name configs/x.cfg:41."""
    if _PACKAGE.parent in (Path.cwd(), *Path.cwd().parents):
        return Path(os.path.relpath(path))
    return path
