"""The engine file: safetensors with a JSON header. It holds the config, its weights and the compiled network.

It is self-contained: on another machine or after an upgrade, opening it compiles the network again from its own config
and weights, and says so. Nothing in it is executed.
"""

from __future__ import annotations

import json
import mmap
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from workbench.atomic import write_atomically
from workbench.engines.base import Interface
from workbench.errors import WorkbenchError
from workbench.graph import TensorSpec

FORMAT = 1


@dataclass(frozen=True)
class Fingerprint:
    """What an engine depends on. Two that are equal give the same engine."""

    engine: str  # name and version of the engine's library
    precision: str
    config: str  # SHA-256 of the text
    params: str  # NAME=VALUE, sorted
    dictionary: str  # SHA-256 of the layer dictionary's rows
    weights: str  # count and CRC-32 of the floats
    workbench: str
    machine: str  # processor and what it can do
    own_kernels: str = ""  # SHA-256 of the .cu files of layers that are not the workbench's own

    def changes(self, old: Fingerprint) -> list[str]:
        """What differs from `old`, in words."""
        return [
            f"{name.replace('_', ' ')} changed"
            if name in ("config", "dictionary", "own_kernels")
            else f"{name} changed from {was} to {now}"
            for (name, was), now in zip(asdict(old).items(), asdict(self).values(), strict=True)
            if was != now
        ]


@dataclass(frozen=True)
class EngineFile:
    """The parts of an engine file; `weights` and `blob` are memory-mapped when read."""

    fingerprint: Fingerprint
    config: bytes
    config_file: str
    params: Mapping[str, str]
    weights: np.ndarray
    blob: np.ndarray
    interface: Interface
    # tags, and modes of tags, that are not the workbench's own and must be registered before opening
    custom_layers: tuple[str, ...] = ()

    def save(self, path: str | Path) -> Path:
        from safetensors.numpy import save

        header = {
            "format": FORMAT,
            "fingerprint": asdict(self.fingerprint),
            "config_file": self.config_file,
            "params": dict(self.params),
            "interface": [{name: tuple(spec) for name, spec in side.items()} for side in self.interface],
            "custom_layers": self.custom_layers,
        }
        arrays = {
            "config": np.frombuffer(self.config, np.uint8),
            "weights": np.asarray(self.weights),
            "blob": np.asarray(self.blob),
        }
        return write_atomically(path, lambda file: file.write(save(arrays, {"workbench": json.dumps(header)})))

    @classmethod
    def load(cls, path: str | Path) -> EngineFile:
        """Raises WorkbenchError for a missing, foreign, corrupt or newer file."""
        header, arrays = _read(Path(path))
        try:
            if header["format"] > FORMAT:
                raise WorkbenchError(
                    f"written by a newer format, {header['format']}", str(path), "upgrade the workbench"
                )
            return cls(
                Fingerprint(**header["fingerprint"]),
                arrays["config"].tobytes(),
                header["config_file"],
                header["params"],
                arrays["weights"],
                arrays["blob"],
                _interface(header["interface"]),
                tuple(header["custom_layers"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise _corrupt(path, f"its header is not as expected: {error}") from error


def _interface(sides: list[dict[str, Any]]) -> Interface:
    inputs, outputs = ({n: TensorSpec(tuple(shape), kind) for n, (shape, kind) in s.items()} for s in sides)
    return inputs, outputs


def _read(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Header and arrays. Opened with numpy's own memory map, since safetensors' reader copies each tensor."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if size < 8 or length > size - 8:
                raise _corrupt(path, f"{size:,} bytes, no safetensors header")
            table = json.loads(file.read(length))
        header = json.loads(table.pop("__metadata__")["workbench"])
        kinds = {"U8": np.uint8, "F32": np.float32}
        arrays = {}
        for name, t in table.items():
            begin, end = t["data_offsets"]
            kind = np.dtype(kinds[t["dtype"]])
            if not 0 <= begin <= end <= size - 8 - length:
                raise _corrupt(path, f"tensor {name} is cut off")
            count = (end - begin) // kind.itemsize
            # "c": private to this process, since OpenVINO reads in place only what it could write
            arrays[name] = np.memmap(path, kind, "c", 8 + length + begin, (count,)) if count else np.empty(0, kind)
        return header, arrays
    except OSError as error:
        raise WorkbenchError(f"cannot open the engine file: {error.strerror}", str(path), "build it first") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _corrupt(path, str(error)) from error


def drop_pages(array: np.ndarray) -> None:
    """Give back the memory of a mapped array's pages; those that are read later come from the file again."""
    mapped = getattr(array, "_mmap", None)  # np.memmap keeps its map under this name
    if mapped is not None and hasattr(mmap, "MADV_DONTNEED"):
        mapped.madvise(mmap.MADV_DONTNEED)


def _corrupt(path: str | Path, why: str) -> WorkbenchError:
    return WorkbenchError(f"not an engine file, or a damaged one: {why}", str(path), "delete it and build again")
