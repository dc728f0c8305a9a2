"""Recorded tensors, kept in a temporary file: the system's page cache holds what fits, and gives it back."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from workbench.errors import WorkbenchError


class TensorStore(Mapping[Any, np.ndarray]):
    """Arrays by key, in one file that is read memory-mapped.

    The file has no name to be left behind: it goes when the store does. Raises WorkbenchError when the disk is full.
    """

    def __init__(self, folder: str | Path | None = None) -> None:
        self._places: dict[Any, tuple[int, tuple[int, ...], np.dtype]] = {}
        self._end = 0
        self._folder = Path(folder or tempfile.gettempdir())
        self._file: Any = None

    def put(self, key: Any, tensor: torch.Tensor) -> None:
        """Keep a copy as it is now (an operator may overwrite it later); bfloat16, which numpy lacks, as float32."""
        tensor = tensor.detach()
        if tensor.dtype == torch.bfloat16:
            tensor = tensor.float()
        array = np.ascontiguousarray(tensor.cpu().numpy()).reshape(tensor.shape)
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile(dir=self._folder, buffering=0)  # noqa: SIM115 (lives with the store)
            self._file.seek(self._end)
            rest = array.reshape(-1).data.cast("B")
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            raise WorkbenchError(
                f"could not keep a recorded tensor of {array.nbytes / 2**20:,.1f} MB after "
                f"{self._end / 2**20:,.1f} MB: {error.strerror}",
                str(self._folder),
                "free space, set TMPDIR to a larger disk, or record fewer paths (wanted=)",
            ) from error
        self._places[key] = (self._end, array.shape, array.dtype)
        self._end += -(-array.nbytes // 64) * 64

    @property
    def stored_bytes(self) -> int:
        return self._end

    def __getitem__(self, key: Any) -> np.ndarray:
        offset, shape, dtype = self._places[key]
        if 0 in shape:
            return np.empty(shape, dtype)
        return np.memmap(self._file, dtype, "r", offset, shape).view(np.ndarray)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)
