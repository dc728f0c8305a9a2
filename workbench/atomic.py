"""Writing files so that a crash or a full disk never leaves half a file or loses the old one."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from workbench.errors import WorkbenchError


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """A temporary file beside `path`, for the block to fill; renamed into place when the block ends well.

    Raises WorkbenchError when the folder cannot be written or the disk is full; `path` is then as it was before.
    """
    path = Path(path)
    temporary = None
    if path.exists() and not path.is_file():  # replacing a device such as /dev/null would take it from everyone
        raise WorkbenchError("could not write: it exists and is no regular file", str(path), "choose another name")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # The ending is kept, by which some libraries know the format.
        handle, temporary = tempfile.mkstemp(path.suffix, f".{path.stem}.", path.parent)
        os.close(handle)
        yield Path(temporary)
        os.chmod(temporary, _mode(path))
        os.replace(temporary, path)
        temporary = None
    except OSError as error:
        raise WorkbenchError(
            f"could not write: {error.strerror or error}",
            str(path),
            "the file is as it was; free space or choose another folder",
        ) from error
    finally:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)


def write_atomically(path: str | Path, write: Callable[[Any], object]) -> Path:
    """Let `write` fill a temporary file beside `path`, then rename it into place; errors as of `atomic_path`."""
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        write(file)
        file.flush()
        os.fsync(file.fileno())
    return Path(path)


def _mode(path: Path) -> int:
    """The permissions the file had, or what a new file would get (temporary files are private)."""
    try:
        return path.stat().st_mode & 0o7777
    except FileNotFoundError:
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask


def write_text(path: str | Path, text: str) -> Path:
    """Write UTF-8 text atomically."""
    return write_atomically(path, lambda file: file.write(text.encode()))
