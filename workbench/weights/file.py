"""The .weights format: ten little-endian int32, then float32 values in the order in which the config reads them.

Words 0-2 are 5, 1, 1. Files written here also fill word 3 (version of this extension, 1), words 4-5 (number of
floats, low and high half) and word 6 (CRC-32 of the floats); files from elsewhere have zeros there, and no checks.
"""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import numpy as np

from workbench.atomic import write_atomically
from workbench.errors import WorkbenchError
from workbench.weights.ledger import crc

WORDS = 10
MAGIC = (5, 1, 1)


def write_weights(path: str | Path, values: np.ndarray) -> Path:
    """Write float32 values (flattened) with their count and CRC, atomically."""
    values = np.ascontiguousarray(values, "<f4").reshape(-1)
    header = np.zeros(WORDS, "<u4")
    header[:7] = (*MAGIC, 1, values.size & 0xFFFFFFFF, values.size >> 32, crc(values))

    def write(file: BinaryIO) -> None:
        file.write(header.tobytes())
        file.write(values.data)

    return write_atomically(path, write)


def read_weights(path: str | Path) -> np.ndarray:
    """The floats of a .weights file, memory-mapped.

    Raises WorkbenchError for a missing file, a foreign or truncated one, and for a wrong count or CRC.
    """
    path = Path(path)
    try:
        size = path.stat().st_size
        if size < 4 * WORDS or size % 4:
            raise WorkbenchError(
                f"expected {4 * WORDS} bytes of header and 4 for each float; got {size:,} bytes",
                str(path),
                "the file is truncated or not a .weights file",
            )
        header = np.fromfile(path, "<u4", WORDS)
        values = np.memmap(path, "<f4", "r", 4 * WORDS) if size > 4 * WORDS else np.empty(0, "<f4")
    except OSError as error:
        raise WorkbenchError(
            f"cannot read the weights: {error.strerror}", str(path), "write_weights() makes it"
        ) from error
    _check_header(path, header, values)
    return values


def _check_header(path: Path, header: np.ndarray, values: np.ndarray) -> None:
    if tuple(header[:3]) != MAGIC:
        got = [int(h) for h in header[:3]]
        swapped = tuple(header[:3].byteswap()) == MAGIC
        note = "its bytes are big-endian: swap them" if swapped else "this is not a .weights file"
        raise WorkbenchError(f"expected a header that begins 5, 1, 1; got {got}", str(path), note)
    version, low, high, stored = (int(h) for h in header[3:7])
    if version > 1:
        raise WorkbenchError(f"written by a newer format, version {version}", str(path), "upgrade the workbench")
    if version == 0:
        return
    count = low | high << 32
    if count != values.size:
        what = "truncated" if values.size < count else "too long"
        raise WorkbenchError(
            f"{what}: the header promises {count:,} floats, the file holds {values.size:,}",
            str(path),
            "copy or write it again",
        )
    if crc(values) != stored:
        raise WorkbenchError(
            f"the floats do not match their CRC-32 (expected {stored:08x}, got {crc(values):08x})",
            str(path),
            "the file was damaged or edited: copy or write it again",
        )
