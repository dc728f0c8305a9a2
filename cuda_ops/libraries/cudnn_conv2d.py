"""Convolution, bias, residual and activation as one graph of cuDNN (nvidia-cudnn-frontend), NCHW.

Which graphs cuDNN has an engine for, it says itself: on an H100, NCHW in f32, a convolution with bias and with or
without relu, but none with silu.
"""

from typing import Any

import cudnn

from ..errors import KernelError
from ..launch import ACTS
from . import Workspace
from .shapes import ConvolutionShape

TYPES = {"f32": cudnn.data_type.FLOAT, "f16": cudnn.data_type.HALF, "bf16": cudnn.data_type.BFLOAT16}
# the graph's operation by the number of an activation
OPERATIONS = {ACTS["relu"]: "relu", ACTS["silu"]: "swish", ACTS["sigmoid"]: "sigmoid", ACTS["tanh"]: "tanh",
              ACTS["gelu"]: "gelu", ACTS["softplus"]: "softplus"}  # fmt: skip
INEXACT = (cudnn.numerical_note.TENSOR_CORE, cudnn.numerical_note.DOWN_CONVERT_INPUTS)  # of f32: TF32


def version() -> int:
    return int(cudnn.backend_version())


class Function:
    """The launches' function; graphs are planned on first use, by shape."""

    def __init__(self, storage: str, tensor_cores: bool, workspace: Workspace) -> None:
        self.storage, self.tensor_cores, self.workspace = storage, tensor_cores, workspace
        self.handle = cudnn.create_handle()
        self._planned: dict[tuple[Any, ...], tuple[Any, list[int]]] = {}

    def prepared_async_call(self, grid: Any, block: Any, stream: Any, *args: Any, shared_size: int = 0) -> None:
        pointers, shape = args[:5], ConvolutionShape(*args[5:])  # x, w, bias, residual, y
        key = (shape, bool(pointers[2]))
        if key not in self._planned:
            self._planned[key] = self._plan(shape, bool(pointers[2]))
        graph, tensors = self._planned[key]
        given = [int(p) for p in pointers if p]
        try:
            cudnn.set_stream(handle=self.handle, stream=int(stream.handle))
            graph.execute(dict(zip(tensors, given, strict=True)), self.workspace.pointer, handle=self.handle)
        except (RuntimeError, ValueError) as error:
            raise KernelError(f"cuDNN: {error}".splitlines()[0][:200]) from error

    def _plan(self, shape: ConvolutionShape, bias: bool) -> tuple[Any, list[int]]:
        graph = cudnn.pygraph(**data_types(self.storage), handle=self.handle)
        tensors = describe(graph, shape, self.storage, bias)
        try:
            graph.validate()
            graph.build_operation_graph()
            graph.create_execution_plans([cudnn.heur_mode.A, cudnn.heur_mode.FALLBACK])
            graph.deselect_workspace_greater_than(self.workspace.nbytes)
            if not self.tensor_cores:
                graph.deselect_numeric_notes(list(INEXACT))
            graph.check_support()
            graph.build_plans()
        except (RuntimeError, ValueError, cudnn.cudnnGraphNotSupportedError) as error:  # by the step that fails
            raise KernelError(f"cuDNN has no engine for this: {error}".splitlines()[0][:200]) from error
        return graph, tensors


def data_types(storage: str) -> dict[str, Any]:
    """Of a graph: tensors in the storage, all arithmetic in float32."""
    f32 = cudnn.data_type.FLOAT
    return {"io_data_type": TYPES[storage], "intermediate_data_type": f32, "compute_data_type": f32}


def describe(graph: Any, s: ConvolutionShape, storage: str, bias: bool) -> list[int]:
    """Put the operations into a graph; the numbers of its tensors x, w, bias, residual and y, as many as there are."""

    def tensor(name: str, *dim: int) -> Any:
        return graph.tensor(name=name, dim=list(dim), stride=row_strides(dim), data_type=TYPES[storage])

    out = (s.batch, s.out_channels, s.out_h, s.out_w)
    x = tensor("x", s.batch, s.channels, s.height, s.width)
    w = tensor("w", s.out_channels, s.channels // s.groups, s.kernel_h, s.kernel_w)
    given = [x, w]
    y = graph.conv_fprop(
        image=x, weight=w, pre_padding=[s.pad_top, s.pad_left], post_padding=[s.pad_bottom, s.pad_right],
        stride=[s.stride_h, s.stride_w], dilation=[s.dilation_h, s.dilation_w], name="conv",
    )  # fmt: skip
    if bias:
        given.append(tensor("bias", 1, s.out_channels, 1, 1))
        y = graph.bias(input=y, bias=given[-1], name="bias")
    if s.add:
        given.append(tensor("residual", *out))
    if s.add == 1:
        y = graph.add(y, given[-1], name="add")
    if s.act:
        y = getattr(graph, OPERATIONS[s.act])(input=y, name="act")
    if s.add == 2:
        y = graph.add(y, given[-1], name="add")
    y.set_output(True).set_data_type(TYPES[storage]).set_dim(list(out)).set_stride(row_strides(out))
    return [int(t.get_uid()) for t in (*given, y)]


def row_strides(dim: tuple[int, ...]) -> list[int]:
    """Of a tensor without gaps."""
    strides = [1]
    for n in reversed(dim[1:]):
        strides.insert(0, strides[0] * n)
    return strides
