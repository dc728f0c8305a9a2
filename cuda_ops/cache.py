"""Built files, kept by content: the same sources, flags and compiler are never compiled twice."""

import hashlib
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from .errors import KernelError


def cache_dir() -> Path:
    """The user's cache folder: WORKBENCH_CACHE, else XDG_CACHE_HOME/workbench, else the platform's own place."""
    if chosen := os.environ.get("WORKBENCH_CACHE"):
        return Path(chosen)
    if base := os.environ.get("XDG_CACHE_HOME"):
        return Path(base) / "workbench"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "workbench"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local")) / "workbench"
    return Path.home() / ".cache" / "workbench"


def content_key(*parts: object) -> str:
    """A short hash of everything a built file depends on (str, bytes, or what has a stable repr)."""
    digest = hashlib.sha256()
    for part in parts:
        data = part if isinstance(part, bytes) else repr(part).encode()
        digest.update(len(data).to_bytes(8, "little") + data)
    return digest.hexdigest()[:20]


def cached(name: str, build: Callable[[Path], None]) -> Path:
    """The cached file `name`; `build(folder)` makes it, as folder/name, where it is missing.

    Two processes may build at once: each works in a folder of its own, and the finished file is moved into place.
    """
    folder = cache_dir() / "kernels"
    path = folder / name
    if path.exists():
        return path
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix="build-") as work:
            build(Path(work))
            os.replace(Path(work) / name, path)
    except OSError as error:
        raise KernelError(
            f"cannot write to the kernel cache: {error.strerror}",
            str(folder),
            "set WORKBENCH_CACHE to a folder that can be written",
        ) from error
    return path
