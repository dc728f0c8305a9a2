"""yolo: one scale of a detector's head, decoded into boxes in pixels and class confidences."""

from __future__ import annotations

from typing import Any

import numpy as np

from cuda_ops import yolo as kernels
from workbench.errors import WorkbenchError
from workbench.graph import TensorSpec
from workbench.layers.base import Case, Ints, Layer, key, layer, want_rank

BOX, SCORES = 4, 5  # a cell's values: x, y, w, h, objectness, then one score per class


@layer("yolo")
class Yolo(Layer):
    """Boxes [N, A, 4] (centre and size in pixels) and confidences [N, A, class_count] (objectness * class).

    mode=yolov5, on the raw map [N, anchors * (5 + classes), H, W], A ordered anchor, y, x: with s = sigmoid(map),
        xy = (2 s - 0.5 + cell) * stride,  wh = (2 s)^2 * anchor          (Detect of YOLOv5 6.2)
    mode=yolox, on [N, 5 + classes, H, W] or, with height and width, [N, H * W, 5 + classes], A ordered y, x:
        xy = (map + cell) * stride,  wh = exp(map) * stride               (YOLOXHead.decode_outputs)
    where objectness and classes are already sigmoids, as YOLOXHead has them at that point. Nothing is left out for
    conf_thres, which is for the nms that follows.
    """

    mode: str = key(among=("yolov5", "yolox"), doc="whose formulas")
    class_count: int = key(doc="number of classes")
    stride: int = key(doc="pixels per cell")
    anchor: Ints = key(Ints(), doc="yolov5: w,h of every anchor in pixels")
    conf_thres: float = key(0.25, doc="accepted; the nms that follows applies its own")
    height: int = key(0, doc="yolox: rows of the grid where the map is flattened")
    width: int = key(0, doc="yolox: columns of the grid where the map is flattened")

    @property
    def outputs(self) -> int:
        return 2

    @property
    def anchors(self) -> int:
        return len(self.anchor) // 2 if self.mode == "yolov5" else 1

    def infer(self, x: TensorSpec) -> list[TensorSpec]:
        want_rank(x, 4, *([3] if self.mode == "yolox" else []))
        if self.class_count < 1 or self.stride < 1:
            raise WorkbenchError(f"expected positive class_count and stride; got {self.class_count}, {self.stride}")
        if self.mode == "yolov5" and (not self.anchor or len(self.anchor) % 2):
            raise WorkbenchError(f"anchor has {len(self.anchor)} numbers; expected w,h of every anchor")
        each = SCORES + self.class_count
        h, w = self._grid(x.shape)
        want = (self.anchors * each, h, w) if len(x.shape) == 4 else (h * w, each)
        if x.shape[1:] != want:
            raise WorkbenchError(f"expected [N,{','.join(map(str, want))}] for {self.anchors} boxes a cell with "
                                 f"5 + class_count={self.class_count} values each; got {x}")  # fmt: skip
        boxes = self.anchors * h * w
        return [TensorSpec((x.shape[0], boxes, BOX)), TensorSpec((x.shape[0], boxes, self.class_count))]

    def _grid(self, shape: Any) -> tuple[int, int]:
        """Rows and columns: of the map, or where it is flattened of height and width."""
        return (shape[2], shape[3]) if len(shape) == 4 else (self.height, self.width)

    def _cells(self, h: int, w: int) -> np.ndarray:
        """x and y of every cell [1, 1, 2, h * w] in cells."""
        y, x = np.mgrid[:h, :w].reshape(2, -1)
        return np.stack([x, y])[None, None].astype(np.float32)

    def _sizes(self) -> np.ndarray:
        """What the exponent or square of w and h is multiplied with, in pixels: [1, anchors, 2, 1]."""
        sizes = self.anchor if self.mode == "yolov5" else (self.stride, self.stride)
        return np.asarray(sizes, np.float32).reshape(1, -1, 2, 1)

    def reference(self, torch: Any, w: dict[str, Any], x: Any) -> list[Any]:
        h, width = self._grid(x.shape)
        x = x.transpose(1, 2) if x.ndim == 3 else x
        x = x.reshape(x.shape[0], self.anchors, SCORES + self.class_count, h * width)
        cell = torch.from_numpy(self._cells(h, width)).to(x.dtype)
        size = torch.from_numpy(self._sizes()).to(x.dtype)
        if self.mode == "yolov5":
            x = x.sigmoid()
            xy, wh = (x[:, :, :2] * 2 - 0.5 + cell) * self.stride, (x[:, :, 2:4] * 2) ** 2 * size
        else:
            xy, wh = (x[:, :, :2] + cell) * self.stride, x[:, :, 2:4].exp() * size
        y = [torch.cat([xy, wh], 2), x[:, :, 4:5] * x[:, :, 5:]]
        return [t.transpose(2, 3).reshape(x.shape[0], -1, t.shape[2]) for t in y]

    def openvino(self, ov: Any, w: dict[str, Any], x: Any) -> list[Any]:
        shape = x.get_partial_shape()
        h, width = self._grid([None, *(d.get_length() for d in shape[1:])] if len(shape) == 4 else shape)
        x = ov.transpose(x, [0, 2, 1]) if len(shape) == 3 else x
        x = ov.reshape(x, [0, self.anchors, SCORES + self.class_count, h * width], True)
        x = ov.sigmoid(x) if self.mode == "yolov5" else x
        xy, wh, objectness, classes = ov.variadic_split(x, 2, [2, 2, 1, self.class_count]).outputs()
        cell, size, stride = self._cells(h, width), self._sizes(), np.float32(self.stride)
        if self.mode == "yolov5":
            xy = ov.multiply(ov.add(ov.multiply(xy, np.float32(2)), cell - np.float32(0.5)), stride)
            wh = ov.multiply(ov.multiply(wh, wh), 4 * size)
        else:
            xy, wh = ov.multiply(ov.add(xy, cell), stride), ov.multiply(ov.exp(wh), size)
        y = [(ov.concat([xy, wh], 2), BOX), (ov.multiply(objectness, classes), self.class_count)]
        return [ov.reshape(ov.transpose(t, [0, 1, 3, 2]), [0, self.anchors * h * width, n], True) for t, n in y]

    def cuda(self, plan: Any, x: list[Any], w: dict[str, Any]) -> Any:
        boxes, scores, shape = plan.output(0), plan.output(1), x[0].shape
        numbers = (shape[0], self._grid(shape), self.class_count, self.stride, self.anchor, len(shape) == 3)
        return plan.run(kernels.yolo(self.mode, x[0], boxes, scores, *numbers), boxes, scores)

    CASES = [
        Case("mode=yolov5 class_count=3 stride=8 anchor=10,13,16,30,33,23 conf_thres=0.3", [(2, 24, 3, 5)]),
        Case("mode=yolov5 class_count=1 stride=64 anchor=436,615", [(1, 6, 1, 7)]),
        Case("mode=yolox class_count=4 stride=16", [(2, 9, 5, 3)]),
        Case("mode=yolox class_count=2 stride=32 height=3 width=4", [(2, 12, 7)]),
    ]
