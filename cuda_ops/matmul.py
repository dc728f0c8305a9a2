"""Launches of matmul.cu: batched matrix products and dense layers."""

from dataclasses import dataclass
from typing import Any

from .conv2d import KINDS, by_library, large_first, tile_defines
from .launch import IDENTITY, Act, Launch, ceil_div
from .libraries.shapes import ProductShape

FEW_ROWS = 4  # up to here a warp per output wins over a tile


@dataclass(frozen=True)
class Matrix:
    """How an operand lies in memory: elements from one row to the next, and between batches (outer, inner).

    transposed: the stored matrix is the transpose of the one multiplied. A batch stride of 0 broadcasts.
    """

    row: int
    outer: int = 0
    inner: int = 0
    transposed: bool = False


def matmul(
    rows: int,
    columns: int,
    depth: int,
    a: tuple[Any, Matrix],
    b: tuple[Any, Matrix],
    y: tuple[Any, Matrix],
    *,
    batch: tuple[int, int] = (1, 1),
    bias: Any = None,
    residual: Any = None,
    act: Act = IDENTITY,
    add_after_act: bool = False,
    scale: float = 1.0,
    plain_bias: Any = None,
) -> list[Launch]:
    """The launches that can compute y = act(scale a b + bias [+ residual]) [+ residual]; the first is the best guess,
    the last are for tensor cores and cuBLASLt.

    a is [rows, depth], b [depth, columns]; each may be stored transposed. bias has one float32 value per column; the
    residual lies as y does. plain_bias: the bias in the tensors' storage, for cuBLASLt.
    """
    add = 0 if residual is None else 2 if add_after_act else 1
    layouts = [v for _, m in (a, b, y) for v in (m.row, m.outer, m.inner)]
    numbers = (act.number, add, float(scale), float(act.alpha), float(act.beta))
    args = (a[0], b[0], bias, residual, y[0], rows, columns, depth, batch[1], *layouts, *numbers)
    batches, kind = batch[0] * batch[1], "nt"[a[1].transposed] + "nt"[b[1].transposed]
    sizes = (rows, columns, batches)
    launches = [
        launch
        for tiles, more in KINDS
        for launch in large_first([_tiled(sizes, kind, tile, args, more) for tile in tiles])
    ]
    if kind == "nt" and rows <= FEW_ROWS:
        launches.insert(0, Launch("matmul", "matvec", (ceil_div(columns, 8), rows, batches), (256, 1, 1), args))
    if act.name in CUBLASLT_ACTS and (add < 2 or act == IDENTITY) and (bias is None) == (plain_bias is None):
        steps = [_one_step(m, batch) for _, m in (a, b, y)]
        if None not in steps:
            laid = [(m.row, step, int(m.transposed)) for (_, m), step in zip((a, b, y), steps, strict=True)]
            stored = (rows, columns, depth, batches, *laid[0], *laid[1], *laid[2][:2])
            made_for = ProductShape._make([*stored, act.number, min(add, 1), float(scale)])
            operands = (a[0], b[0], plain_bias, residual, y[0])
            launches += by_library("cublaslt", "matmul", (*operands, *made_for))
    return launches


CUBLASLT_ACTS = ("identity", "relu", "gelu2")  # libraries/cublaslt_matmul.py


def _one_step(m: Matrix, batch: tuple[int, int]) -> int | None:
    """Elements from one batch to the next, where both batch indices step evenly as one."""
    if batch[0] == 1 or batch[1] == 1:
        return m.outer if batch[1] == 1 else m.inner
    return m.inner if m.outer == m.inner * batch[1] else None


def dense(rows: int, hidden: int, depth: int, x: Any, w: Any, bias: Any, y: Any, **epilogue: Any) -> list[Launch]:
    """act(x w^T + bias): x [rows, depth], w [hidden, depth] as PyTorch stores it, y [rows, hidden]."""
    weights = Matrix(depth, transposed=True)
    return matmul(rows, hidden, depth, (x, Matrix(depth)), (w, weights), (y, Matrix(hidden)), bias=bias, **epilogue)


def _tiled(
    sizes: tuple[int, int, int], kind: str, tile: tuple[int, ...], args: tuple[Any, ...], more: tuple[Any, ...]
) -> Launch:
    rows, columns, batches = sizes
    m, n, thread_m, thread_n = tile
    grid, threads = (ceil_div(columns, n), ceil_div(rows, m), batches), m // thread_m * (n // thread_n)
    return Launch("matmul", f"matmul_{kind}", grid, (threads, 1, 1), args, defines=(*tile_defines(tile), *more))
