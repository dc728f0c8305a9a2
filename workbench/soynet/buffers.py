"""A client's memory: arrays to read an input from, and preallocated ones, plain or of structs, to fill."""

from __future__ import annotations

import ctypes
import math
from typing import Any

import numpy as np

from workbench.errors import WorkbenchError
from workbench.graph import DTYPES, TensorSpec


def as_input(given: Any, spec: TensorSpec) -> np.ndarray:
    """A copy of the client's array in the input's shape, as the C call copies: only dtype and size must agree."""
    x = _memory(given)
    count, one = x.size, math.prod(abs(n) for n in spec.shape)  # an open batch takes any number of whole pictures
    whole = count % one == 0 and count > 0 if spec.shape[:1] == (-1,) else count == one
    if x.dtype != DTYPES[spec.dtype] or not whole:
        raise WorkbenchError(f"expected {one:,} values for {spec}; got {_of(x)}, {count:,} values",
                             note=f"allocate np.zeros({_shape(spec)}, np.{DTYPES[spec.dtype]})")  # fmt: skip
    return x.reshape(spec.shape).copy()


def fill(given: Any, values: np.ndarray) -> None:
    """Copy an output into the client's array, which must have room for exactly as many values of its dtype.

    An array of structs takes rows: their k fields, in order, hold the k numbers of a row, converted as C does: to
    an integer by cutting off the fraction.
    """
    buffer = _memory(given)
    if not buffer.flags.writeable:
        raise WorkbenchError(f"the array {_of(buffer)} is read-only", note="allocate it with np.zeros")
    columns = _columns(buffer)
    width = sum(column.size for column in columns) // max(buffer.size, 1)
    of_rows = buffer.dtype.names is not None and values.shape[-1:] == (width,)
    if buffer.size * width != values.size or not (of_rows or buffer.dtype == values.dtype):
        raise WorkbenchError(f"expected room for {_of(values)}, {values.size:,} values; got {_of(buffer)}, "
                             f"{buffer.size * width:,} values", note=_advice(values))  # fmt: skip
    rows, start = values.reshape(-1, width), 0
    with np.errstate(invalid="ignore"):  # an integer cannot hold NaN; C gives whatever there is
        for column in columns:
            fields = column.size // max(buffer.size, 1)
            column[...] = rows[:, start : start + fields].astype(column.dtype).reshape(column.shape)
            start += fields


def _memory(given: Any) -> np.ndarray:
    """The ndarray itself, or one over a ctypes array's memory; anything else would be a copy that nobody sees."""
    if isinstance(given, np.ndarray):
        return given
    if isinstance(given, ctypes.Array):
        return np.asarray(given)
    raise WorkbenchError(f"expected a numpy or ctypes array; got {type(given).__name__}",
                         note="allocate np.zeros(shape, dtype)")  # fmt: skip


def _columns(buffer: np.ndarray) -> list[np.ndarray]:
    """Views of the struct's fields, a plain array being its own only one; raises for fields that are no numbers."""
    columns = [buffer[name] for name in buffer.dtype.names] if buffer.dtype.names else [buffer]
    for name, column in zip(buffer.dtype.names or [""], columns, strict=True):
        if column.dtype.kind not in "iufb":
            where = f"field '{name}'" if name else "the array"
            raise WorkbenchError(f"{where} holds {column.dtype}; expected numbers")
    return columns


def _advice(values: np.ndarray) -> str:
    shape = ",".join(map(str, values.shape))
    note = f"allocate np.zeros(({shape}), np.{values.dtype})"
    rows = values.ndim == 2 and values.dtype.kind == "f"
    return note + (f", or {values.shape[0]} structs of {values.shape[1]} numbers" if rows else "")


def _shape(spec: TensorSpec) -> str:
    return f"({','.join(str(n) if n >= 0 else 'N' for n in spec.shape)})"


def _of(x: np.ndarray) -> str:
    kind = f"struct of {', '.join(x.dtype.names)}" if x.dtype.names else str(x.dtype)
    return f"{kind}[{','.join(map(str, x.shape))}]"
