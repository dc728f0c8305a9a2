"""Products by cuBLASLt (nvmath-python's bindings): y = act(scale a b + bias + residual), batched by strides.

cuBLASLt counts by columns; what lies by rows is the transpose to it, so that y^T = b^T a^T is computed: `m` and the
first operand are our columns and b.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
from nvmath.bindings import cublasLt as lt

from ..errors import KernelError
from ..launch import ACTS
from . import Workspace
from .shapes import ProductShape

TYPES = {"f32": 0, "f16": 2, "bf16": 14}  # cudaDataType
F32, TF32 = 68, 77  # cublasComputeType
BIAS = {ACTS["identity"]: lt.Epilogue.BIAS, ACTS["relu"]: lt.Epilogue.RELU_BIAS, ACTS["gelu2"]: lt.Epilogue.GELU_BIAS}
PLAIN = {ACTS["identity"]: lt.Epilogue.DEFAULT, ACTS["relu"]: lt.Epilogue.RELU, ACTS["gelu2"]: lt.Epilogue.GELU}
Desc, Layout = lt.MatmulDescAttribute, lt.MatrixLayoutAttribute


def version() -> int:
    return int(lt.get_version())


@contextmanager
def told() -> Iterator[None]:
    """cuBLASLt's errors as ours."""
    try:
        yield
    except lt.cuBLASLtError as error:
        raise KernelError(f"cuBLASLt: {error}".splitlines()[0][:200]) from error


class Described(NamedTuple):
    """cuBLASLt's descriptors of a product."""

    operation: int
    b: int
    a: int
    y: int


def describe(s: ProductShape, storage: str, tensor_cores: bool, bias: int) -> Described:
    """The descriptors; bias: its address, or 0."""
    kind = TYPES[storage]
    operation = lt.matmul_desc_create(TF32 if tensor_cores and storage == "f32" else F32, TYPES["f32"])
    set_desc(operation, Desc.TRANSA, int(s.b_transposed))
    set_desc(operation, Desc.TRANSB, int(s.a_transposed))
    set_desc(operation, Desc.EPILOGUE, int((BIAS if bias else PLAIN)[s.act]))
    if bias:
        set_desc(operation, Desc.BIAS_POINTER, bias)
    b = (s.depth, s.columns) if s.b_transposed else (s.columns, s.depth)
    a = (s.rows, s.depth) if s.a_transposed else (s.depth, s.rows)
    return Described(
        operation,
        _layout(kind, *b, s.b_row, s.batch, s.b_batch),
        _layout(kind, *a, s.a_row, s.batch, s.a_batch),
        _layout(kind, s.columns, s.rows, s.y_row, s.batch, s.y_batch),
    )


def set_desc(operation: int, attribute: Any, value: int) -> None:
    held = np.array([value], lt.get_matmul_desc_attribute_dtype(attribute))
    lt.matmul_desc_set_attribute(operation, attribute, held.ctypes.data, held.nbytes)


def _layout(kind: int, rows: int, columns: int, stride: int, batch: int, step: int) -> int:
    layout = int(lt.matrix_layout_create(kind, rows, columns, stride))
    if batch > 1:
        for attribute, value in ((Layout.BATCH_COUNT, batch), (Layout.STRIDED_BATCH_OFFSET, step)):
            held = np.array([value], lt.get_matrix_layout_attribute_dtype(attribute))
            lt.matrix_layout_set_attribute(layout, attribute, held.ctypes.data, held.nbytes)
    return layout


class Function:
    """The launches' function; algorithms are asked for on first use, by shape and bias."""

    def __init__(self, storage: str, tensor_cores: bool, workspace: Workspace) -> None:
        self.storage, self.tensor_cores, self.workspace = storage, tensor_cores, workspace
        with told():
            self.handle = lt.create()
        self._planned: dict[tuple[Any, ...], tuple[Described, Any, np.ndarray]] = {}

    def prepared_async_call(self, grid: Any, block: Any, stream: Any, *args: Any, shared_size: int = 0) -> None:
        (a, b, bias, residual, y), shape = (int(p) for p in args[:5]), ProductShape(*args[5:])
        key = (shape, bias)
        if key not in self._planned:
            self._planned[key] = self._plan(shape, bias)
        d, found, factors = self._planned[key]
        alpha, beta = factors.ctypes.data, factors.ctypes.data + factors.itemsize
        operands = (alpha, b, d.b, a, d.a, beta, residual or y, d.y, y, d.y)
        space = (self.workspace.pointer, self.workspace.nbytes, int(stream.handle))
        with told():
            lt.matmul(self.handle, d.operation, *operands, found.ptr, *space)

    def _plan(self, shape: ProductShape, bias: int) -> tuple[Described, Any, np.ndarray]:
        """Descriptors, the algorithm that cuBLASLt holds best, and alpha and beta."""
        found, count = lt.MatmulHeuristicResult(), np.zeros(1, np.int32)  # its first member is the algorithm
        with told():
            d = describe(shape, self.storage, self.tensor_cores, bias)
            preference = lt.matmul_preference_create()
            most = np.array([self.workspace.nbytes], np.uint64)
            limit = lt.MatmulPreferenceAttribute.MAX_WORKSPACE_BYTES
            lt.matmul_preference_set_attribute(preference, limit, most.ctypes.data, most.nbytes)
            lt.matmul_algo_get_heuristic(
                self.handle, d.operation, d.b, d.a, d.y, d.y, preference, 1, found.ptr, count.ctypes.data
            )
            lt.matmul_preference_destroy(preference)
        if not count[0]:
            raise KernelError("cuBLASLt has no algorithm for this")
        return d, found, np.array([shape.scale, bool(shape.add)], np.float32)
