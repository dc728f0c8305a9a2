"""Files that installed packages ship: trained weights and pictures. Found, never imported."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from workbench.errors import WorkbenchError


def package_file(package: str, relative: str, distribution: str, purpose: str) -> Path:
    """The path of a file inside an installed package.

    Raises WorkbenchError, naming the `distribution` to install, where the package or the file is missing.
    """
    spec = find_spec(package)
    for folder in (spec.submodule_search_locations or []) if spec else []:
        if (path := Path(folder) / relative).is_file():
            return path
    missing = f"its file {relative} is not there" if spec else "it is not installed"
    raise WorkbenchError(
        f"{purpose} comes with {distribution}, and {missing}",
        note=f"pip install {distribution}   (extra: pip install 'porting-workbench[models]')",
    )
