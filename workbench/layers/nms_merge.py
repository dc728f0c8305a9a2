"""nms_merge: what nms kept, as one row per detection in the pixels of the original picture."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from cuda_ops import nms as kernels
from workbench.errors import WorkbenchError
from workbench.graph import TensorSpec
from workbench.layers.base import Case, Ints, Layer, bound, key, layer, want_rank
from workbench.layers.boxes import NEVER, corners, corners_openvino, crowd


def detections(rng: np.random.Generator, n: int) -> list[np.ndarray]:
    """Feeds for 6 n rows: up to 5 a picture, of 20 boxes and 3 classes; scores tie, boxes reach over the edges."""
    box, score = crowd(rng, n, 20, 3)
    rows = [[i, int(rng.integers(3)), which] for i in range(n) for which in rng.permutation(20)[: 5 - i % 2]]
    rows += [[-1, -1, -1]] * (6 * n - len(rows))
    return [np.array(rows, np.int32), box, np.round(score, 1), np.zeros((n, 3, 96, 64), np.float32)]


@layer("nms_merge")
class NmsMerge(Layer):
    """Rows (batch, x1, y1, x2, y2, class, score) f32 [result_count, 7]; unused rows are zeros, all at the end.

    Inputs: the rows of nms [R, 3] (at most R / N of one image), the boxes [N, A, 4] and scores [N, A, C] they point
    into, and the preprocessed picture [N, C, H, W]. Rows come image after image by falling score; the first
    result_count stay. With the pads of the [preproc] line that made the picture, and org_size (h, w),
        x = (x - left) * org_w / (W - left - right),   y = (y - top) * org_h / (H - top - bottom),
    then clipped to the original picture, as the originals do (scale_coords of YOLOv5 6.2, scale_boxes of ultralytics).
    Without org_size the resized picture without its pads counts as the original.
    """

    arity = (4, 4)
    mode: str = key(among=("yolov8", "yolov5"), doc="yolov8: boxes are corners, yolov5: centre and size")
    result_count: int = key(50, doc="rows given")
    org_size: Ints = key(Ints(), doc="h,w of the original picture")
    pads: tuple[int, ...] | None = bound((0, 0, 0, 0))  # top, bottom, left, right; None: not known

    @property
    def encoding(self) -> str:
        return "xyxy" if self.mode == "yolov8" else "xywh"

    def bind(self, *producers: Layer) -> Layer:
        picture: Any = producers[-1] if producers else None
        tag = picture.tag if picture else ""
        pads = picture.pads if tag == "preproc" else (0, 0, 0, 0) if tag == "input" else None
        return replace(self, pads=pads)  # type: ignore[call-arg]

    def infer(self, rows: TensorSpec, box: TensorSpec, score: TensorSpec, picture: TensorSpec) -> list[TensorSpec]:
        want_rank(score, 3)
        want_rank(picture, 4)
        n, a, _ = score.shape
        if n < 1 or box.shape != (n, a, 4):
            raise WorkbenchError(f"expected boxes f32[{n},{a},4] for scores {score}, of a fixed batch; got {box}")
        if len(rows.shape) != 2 or rows.shape[1] != 3 or rows.shape[0] % n or rows.dtype != "i32":
            raise WorkbenchError(f"expected the rows that nms gives for {n} images as first input; got {rows}")
        if self.pads is None:
            raise WorkbenchError("the fourth input is not the tensor of a [preproc] line, so its pads are not known",
                                 note="input=NMS,BOX,CLS,PREPROC")  # fmt: skip
        if len(self.org_size) not in (0, 2) or self.result_count < 1:
            raise WorkbenchError(f"expected org_size=h,w and result_count of at least 1; got {self.org_size}, "
                                 f"{self.result_count}")  # fmt: skip
        return [TensorSpec((self.result_count, 7))]

    def scaling(self, h: int, w: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Offset, factor and limit [4] of (x1, y1, x2, y2) for a preprocessed picture of h by w pixels."""
        top, bottom, left, right = self.pads or (0, 0, 0, 0)
        resized = np.array([w - left - right, h - top - bottom], np.float64)
        original = np.array(self.org_size[::-1] or resized, np.float64)
        return tuple(np.tile(v, 2).astype(np.float32) for v in ([left, top], original / resized, original))  # type: ignore[return-value]

    def reference(self, torch: Any, w: dict[str, Any], rows: Any, box: Any, score: Any, picture: Any) -> Any:
        offset, factor, limit = (torch.from_numpy(v).to(box.dtype) for v in self.scaling(*picture.shape[2:]))
        found = []
        for i in range(len(box)):
            of_class, which = rows[rows[:, 0] == i, 1:].long().T
            value, order = torch.sort(score[i, which, of_class], descending=True, stable=True)
            xyxy = (corners(torch, box[i, which[order]], self.encoding) - offset) * factor
            xyxy = torch.minimum(xyxy.clamp(min=0), limit)
            image, of_class = torch.full_like(value, i), of_class[order].to(value.dtype)
            found.append(torch.cat([image[:, None], xyxy, of_class[:, None], value[:, None]], 1))
        unused = torch.zeros(self.result_count, 7, dtype=box.dtype)
        return torch.cat([*found, unused])[: self.result_count]

    def openvino(self, ov: Any, w: dict[str, Any], rows: Any, box: Any, score: Any, picture: Any) -> Any:
        n = box.get_partial_shape()[0].get_length()
        most = rows.get_partial_shape()[0].get_length() // n
        scaling = self.scaling(*(d.get_length() for d in picture.get_partial_shape()[2:]))
        found = [self._image_openvino(ov, i, most, rows, box, score, scaling) for i in range(n)]
        unused = ov.constant(np.zeros((self.result_count, 7), np.float32))
        every = ov.slice(ov.concat([*found, unused], 0), [0], [self.result_count], [1], [0])
        return ov.reshape(every, [self.result_count, 7], False)

    def _image_openvino(self, ov: Any, i: int, most: int, rows: Any, box: Any, score: Any, scaling: Any) -> Any:
        """Rows f32 [M, 7] of image i."""
        image = ov.gather(rows, 0, 1)
        own = ov.squeeze(ov.non_zero(ov.equal(image, ov.constant(np.int32(i))), "i32"), [0])
        rows = ov.gather(rows, own, 0)
        of_class, which = ov.gather(rows, [1], 1), ov.gather(rows, 2, 1)
        value = ov.gather_nd(ov.gather(score, i, 0), ov.concat([ov.unsqueeze(which, 1), of_class], 1))
        order = falling(ov, value, most)
        offset, factor, limit = map(ov.constant, scaling)
        xyxy = corners_openvino(ov, ov.gather(ov.gather(box, i, 0), which, 0), self.encoding)
        xyxy = ov.multiply(ov.subtract(xyxy, offset), factor)
        xyxy = ov.minimum(ov.maximum(xyxy, ov.constant(np.float32(0))), limit)
        value, of_class = ov.unsqueeze(value, 1), ov.convert(of_class, "f32")
        number = ov.broadcast(ov.constant(np.float32(i)), ov.shape_of(value))
        return ov.gather(ov.concat([number, xyxy, of_class, value], 1), order, 0)

    def cuda(self, plan: Any, x: list[Any], w: dict[str, Any]) -> Any:
        rows, box, score, picture = x
        y = plan.output()
        scaling = [tuple(map(float, v[:2])) for v in self.scaling(*picture.shape[2:])]
        launch = kernels.nms_merge((rows, rows.shape[0]), box, score, (y, self.result_count), score.shape[1:],
                                   self.encoding == "xywh", *scaling)  # fmt: skip
        return plan.run(launch, y)

    CASES = [
        Case(f"mode={mode} org_size=150,80 result_count={count}",
             [TensorSpec((n * 6, 3), "i32"), (n, 20, 4), (n, 20, 3), (n, 3, 96, 64)],
             feeds=partial(detections, n=n))
        for mode, n, count in (("yolov5", 1, 50), ("yolov8", 3, 5), ("yolov5", 2, 12))
    ] + [
        Case("mode=yolov8", [TensorSpec((6, 3), "i32"), (1, 20, 4), (1, 20, 3), (1, 3, 96, 64)],
             feeds=partial(detections, n=1)),
    ]  # fmt: skip


def falling(ov: Any, value: Any, most: int) -> Any:
    """Indices i32 [M] that put values [M], of which there are at most `most`, in falling order, the earlier one first.

    OpenVINO's stable TopK takes time proportional to M², its other one leaves ties in any order: so a second pass
    sorts ties by index, on keys that are all different.
    """
    count = ov.shape_of(value, "i32")
    spare = ov.constant(np.full(most, NEVER, np.float32))
    padded = ov.slice(ov.concat([value, spare], 0), [0], [most], [1], [0])
    by_value = ov.topk(padded, most, 0, "max", "value", "i32")
    ordered, index = by_value.output(0), by_value.output(1)
    before = ov.slice(ov.concat([ov.slice(ordered, [0], [1], [1], [0]), ordered], 0), [0], [most], [1], [0])
    group = ov.cum_sum(ov.convert(ov.not_equal(ordered, before), "i32"), np.int32(0))
    keys = ov.add(ov.multiply(group, np.int32(most)), index)
    keys = ov.topk(keys, most, 0, "min", "value", "i32").output(0)
    order = ov.floor_mod(keys, np.int32(most))
    return ov.slice(order, [0], count, [1], [0])
