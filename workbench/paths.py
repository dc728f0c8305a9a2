"""Where the files that travel with the package lie, in a checkout and in an installed wheel alike."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def configs_dir() -> Path:
    """The folder of the shipped configs: `workbench/_configs` in a wheel, `configs/` at the root of a checkout."""
    installed = _PACKAGE / "_configs"
    return installed if installed.is_dir() else _PACKAGE.parent / "configs"


def samples_dir() -> Path:
    """The small trained sample's folder: `workbench/_samples` in a wheel, `weights/sample/` in a checkout."""
    installed = _PACKAGE / "_samples"
    return installed if installed.is_dir() else _PACKAGE.parent / "weights" / "sample"
