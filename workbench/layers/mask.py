"""mask: segmentation masks cut to their boxes."""

from __future__ import annotations

from typing import Any

import numpy as np

from cuda_ops import mask as kernels
from workbench.errors import WorkbenchError
from workbench.graph import TensorSpec
from workbench.layers.base import FLOATING, Case, Ints, Layer, key, layer, want_dtype, want_mode


@layer("mask")
class Mask(Layer):
    """crop: masks [.., h, w] keep the pixels with x1 <= column < x2 and y1 <= row < y2 of boxes [.., 4], else 0.

    Boxes are x1,y1,x2,y2 in pixels of the mask.
    """

    arity = (2, 2)
    mode: str = key("crop", among=("crop", "maskrcnn"), doc="crop; maskrcnn is not known here")
    arg_vi32: Ints = key(Ints(), doc="of the mode that is not known here")

    @property
    def exact(self) -> bool:
        return True

    def infer(self, masks: TensorSpec, boxes: TensorSpec) -> list[TensorSpec]:
        want_mode(self.mode, "crop")
        want_dtype(masks, *FLOATING)
        want_dtype(boxes, *FLOATING)
        if len(masks.shape) < 3 or boxes.shape != (*masks.shape[:-2], 4):
            raise WorkbenchError(f"expected masks [.., h, w] and boxes [.., 4] of them; got {masks} and {boxes}")
        return [masks]

    def reference(self, torch: Any, w: dict[str, Any], masks: Any, boxes: Any) -> Any:
        x1, y1, x2, y2 = boxes[..., None, None].unbind(-3)
        row = torch.arange(masks.shape[-2], dtype=boxes.dtype)[:, None]
        column = torch.arange(masks.shape[-1], dtype=boxes.dtype)
        inside = (column >= x1) & (column < x2) & (row >= y1) & (row < y2)
        return torch.where(inside, masks, torch.zeros_like(masks))

    def openvino(self, ov: Any, w: dict[str, Any], masks: Any, boxes: Any) -> Any:
        h, wide = (d.get_length() for d in masks.get_partial_shape()[-2:])
        kind = boxes.get_element_type().to_dtype()
        row, column = np.arange(h, dtype=kind)[:, None], np.arange(wide, dtype=kind)
        x1, y1, x2, y2 = (ov.unsqueeze(side, -1) for side in ov.split(boxes, -1, 4).outputs())
        columns = ov.logical_and(ov.less_equal(x1, column), ov.greater(x2, column))
        rows = ov.logical_and(ov.less_equal(y1, row), ov.greater(y2, row))
        return ov.select(ov.logical_and(columns, rows), masks, ov.constant(0.0, masks.get_element_type()))

    def cuda(self, plan: Any, x: list[Any], w: dict[str, Any]) -> Any:
        y = plan.output()
        return plan.run(kernels.crop(x[0], x[1], y, y.count, *y.shape[-2:]), y)

    CASES = [
        Case("", [(3, 5, 7), (3, 4)], feeds=lambda rng: [rng.standard_normal((3, 5, 7), np.float32),
             np.array([[1, 0, 4, 3], [0.5, 1.5, 6.5, 9], [-2, -1, 99, 99]], np.float32)]),
        Case("mode=crop", [(2, 3, 5, 7), (2, 3, 4)]),
    ]  # fmt: skip
