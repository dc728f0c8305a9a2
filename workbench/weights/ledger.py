"""A row per tensor of a .weights file: which line reads it, where it came from, where it lies, its CRC."""

from __future__ import annotations

import csv
import io
import json
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np

from workbench.atomic import write_text
from workbench.errors import WorkbenchError
from workbench.weights.spec import WeightPlan


@dataclass(frozen=True)
class LedgerRow:
    """Offset and count are in floats; crc is the CRC-32 of the tensor's little-endian float32 bytes."""

    where: str
    layer: str
    letter: str
    source: str
    shape: tuple[int, ...]
    offset: int
    count: int
    crc: int


class Ledger:
    """The rows of one .weights file, in file order."""

    def __init__(self, rows: Iterable[LedgerRow]) -> None:
        self.rows = list(rows)

    @classmethod
    def of(cls, plan: WeightPlan, values: np.ndarray, sources: Mapping[tuple[int, str], str] | None = None) -> Ledger:
        """The ledger of values laid out by a plan; `sources` names the origin by (node index, letter)."""
        sources = sources or {}
        return cls(
            LedgerRow(
                str(s.node.where),
                str(s.node),
                s.letter,
                sources.get((s.node.index, s.letter), ""),
                s.shape,
                s.offset,
                s.count,
                crc(values[s.offset : s.offset + s.count]),
            )
            for s in plan.stored
        )

    @classmethod
    def load(cls, path: str | Path) -> Ledger:
        """Read what `save` wrote. Raises WorkbenchError for a missing or foreign file."""
        try:
            rows = json.loads(Path(path).read_text("utf-8"))["tensors"]
            return cls(LedgerRow(**{**row, "shape": tuple(row["shape"])}) for row in rows)
        except OSError as error:
            raise WorkbenchError(f"cannot read the ledger: {error.strerror}", str(path)) from error
        except (ValueError, KeyError, TypeError) as error:
            raise WorkbenchError(
                f"not a weights ledger: {error}", str(path), "write_weights() makes it anew"
            ) from error

    def save(self, path: str | Path) -> Path:
        return write_text(path, json.dumps({"tensors": [asdict(row) for row in self.rows]}, indent=1))

    def csv(self) -> str:
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow([f.name for f in fields(LedgerRow)])
        for r in self.rows:
            shape = "x".join(map(str, r.shape))
            writer.writerow((r.where, r.layer, r.letter, r.source, shape, r.offset, r.count, f"{r.crc:08x}"))
        return out.getvalue()

    def __str__(self) -> str:
        lines = [f"{'line':<24} {'w':<2} {'shape':<18} {'offset':>10} {'count':>9}  {'crc':<8}  source"]
        for r in self.rows:
            shape = ",".join(map(str, r.shape))
            lines.append(
                f"{r.where:<24} {r.letter:<2} {shape:<18} {r.offset:>10} {r.count:>9}  {r.crc:08x}  {r.source}"
            )
        return "\n".join(lines)


def crc(values: np.ndarray) -> int:
    """CRC-32 of the values as little-endian float32."""
    return zlib.crc32(np.ascontiguousarray(values, "<f4").data)


def ledger_path(weights: str | Path) -> Path:
    """`x.weights` → `x.ledger.json`, beside it."""
    return Path(weights).with_suffix(".ledger.json")
