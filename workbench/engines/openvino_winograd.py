"""3 x 3 convolutions of an OpenVINO model by Winograd's method, where that takes less time (cpu_ops/README.md)."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from cpu_ops.library import Library, library
from cpu_ops.winograd import PRODUCTS, TILE, pack_bias, pack_kernel
from cuda_ops.errors import KernelError

ACTS = {"Relu": 1, "Swish": 2}  # winograd.hpp's Act
# Of a packed kernel, four times the plain one: what is LARGE must save more than memory costs, and what is larger than
# MOST is read from memory again for every few tiles.
LARGE, MOST = 20e6, 40e6


def available() -> Library | None:
    """The library of operators, or None where it cannot be made; `workbench doctor` says why."""
    try:
        return library()
    except KernelError:
        return None


def use_winograd(model: Any) -> None:
    """Replace, in place, each convolution that is worth it, with the bias and the activation behind it."""
    made = available()
    if not made:
        return
    for node in model.get_ordered_ops():
        if node.get_type_name() == "Convolution" and (kernel := _kernel(node)) is not None:
            _replace(node, kernel, made)
    model.validate_nodes_and_infer_types()


def _kernel(node: Any) -> np.ndarray | None:
    """The kernel of a convolution that is worth it, else None."""
    kernel, attributes = _constant(node, 1), node.get_attributes()
    if kernel is None or kernel.shape[2:] != (3, 3) or kernel.dtype != np.float32:
        return None
    dilation = attributes["dilations"]
    if list(attributes["strides"]) != [1, 1] or dilation[0] != dilation[1] or node.output(0).partial_shape.is_dynamic:
        return None
    batch, out, height, width = node.output(0).shape
    return kernel if faster(batch, out, height, width, kernel.shape[1], dilation[0]) else None


def faster(batch: int, out: int, height: int, width: int, channels: int, dilation: int) -> bool:
    """Whether Winograd's method beats the plain sum, counted in multiplications: by a fifth, or by 2.7 if LARGE.

    Vectors of 16 channels are counted whole; a transform as 16 products for each number of its tile; reading the kernel
    from memory as 12 for each of its numbers, once. So counted, gains are about those measured for 8 to 64 channels on
    two cores of an AMD EPYC (Zen 4).
    """
    rows, columns = (math.ceil(math.ceil(side / dilation) / TILE) for side in (height, width))
    tiles = batch * dilation**2 * rows * columns
    whole_in, whole_out = (math.ceil(n / 16) * 16 for n in (channels, out))
    kernel = channels * whole_out
    plain = batch * height * width * 9 * kernel + 12 * 9 * kernel
    winograd = tiles * PRODUCTS * (kernel + 16 * (whole_in + whole_out)) + 12 * PRODUCTS * kernel
    size = 4 * PRODUCTS * kernel
    return size <= MOST and winograd * (1.2 if size < LARGE else 2.7) <= plain


def _replace(node: Any, kernel: np.ndarray, made: Library) -> None:
    import openvino.opset15 as ov

    attributes, last = node.get_attributes(), node
    bias, act = np.zeros(len(kernel), np.float32), 0
    add = _only_reader(node)
    if add and add.get_type_name() == "Add" and (value := _constant(add, 1)) is not None and value.size == len(kernel):
        bias, last = value.reshape(-1), add
        function = _only_reader(add)
        if function and function.get_type_name() in ACTS and _beta(function) == 1:
            act, last = ACTS[function.get_type_name()], function
    pads = [*attributes["pads_begin"], *attributes["pads_end"]]
    # Both transposes cost nothing between convolutions: the plug-in keeps such tensors as NHWC itself.
    pixels = ov.transpose(node.input(0).get_source_output(), [0, 2, 3, 1])
    constants = [ov.constant(pack_kernel(kernel, made.lanes)), ov.constant(pack_bias(bias, made.lanes))]
    options = {"channels": len(kernel), "pads": pads, "dilation": attributes["dilations"][0], "act": act}
    y = _factory(str(made.path)).create("Winograd", [t.output(0) for t in (pixels, *constants)], options)
    y = ov.transpose(y, [0, 3, 1, 2])
    y.set_friendly_name(last.get_friendly_name())
    for reader in last.output(0).get_target_inputs():
        reader.replace_source_output(y.output(0))


@functools.cache
def _factory(path: str) -> Any:
    from openvino.utils.node_factory import NodeFactory

    factory = NodeFactory("opset15")
    factory.add_extension(path)
    return factory


def _constant(node: Any, i: int) -> np.ndarray | None:
    source = node.input(i).get_source_output().get_node()
    return source.data if source.get_type_name() == "Constant" else None


def _beta(function: Any) -> Any:
    """The factor of Swish, where there is one."""
    return 1 if len(function.inputs()) == 1 else _constant(function, 1)


def _only_reader(node: Any) -> Any:
    """The operator that reads this one's output, if it is the only one."""
    readers = list(node.output(0).get_target_inputs())
    return readers[0].get_node() if len(readers) == 1 else None
