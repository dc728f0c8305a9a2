"""What the libraries' operations are made for: the numbers of a launch, after its five operands."""

from typing import NamedTuple


class ConvolutionShape(NamedTuple):
    """After x, w, bias, residual and y. act: by number (ACTS); add: 0 no residual, 1 before the activation, 2 after."""

    batch: int
    channels: int
    height: int
    width: int
    out_channels: int
    out_h: int
    out_w: int
    groups: int
    kernel_h: int
    kernel_w: int
    stride_h: int
    stride_w: int
    pad_top: int
    pad_bottom: int
    pad_left: int
    pad_right: int
    dilation_h: int
    dilation_w: int
    act: int
    add: int


class ProductShape(NamedTuple):
    """After a, b, bias, residual and y, as matmul.Matrix has them. add: 1: a residual, before the activation."""

    rows: int
    columns: int
    depth: int
    batch: int
    a_row: int
    a_batch: int
    a_transposed: int
    b_row: int
    b_batch: int
    b_transposed: int
    y_row: int
    y_batch: int
    act: int
    add: int
    scale: float
