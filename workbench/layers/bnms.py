"""bnms: non-maximum suppression that gives each image's detections as a count, boxes, scores and classes."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from cuda_ops import nms as kernels
from workbench.errors import WorkbenchError
from workbench.graph import TensorSpec
from workbench.layers.base import Case, Layer, key, layer, want_rank
from workbench.layers.boxes import crowd
from workbench.layers.suppression import Suppression


def four_axes(rng: np.random.Generator, own: bool) -> list[np.ndarray]:
    """Boxes [2, 40, 1 or 3, 4] and scores [2, 40, 3]."""
    box, score = crowd(rng, 2, 40, 3, own)
    return [box if own else box[:, :, None], score]


@layer("bnms")
class Bnms(Layer):
    """Counts i32 [N, 1], boxes [N, K, 4], scores [N, K] and classes f32 [N, K] with K = nms_count, by falling score.

    Inputs: corner boxes [N, A, 1, 4] (one for all classes) or [N, A, C, 4], and scores [N, A, C]. Per image and class,
    the region_count best scores > conf_thres are candidates, suppressed where IoU > iou_thres; the nms_count best of
    all classes stay. Unused places hold zeros, their class is -1. (TensorRT's BatchedNMS plugin with topK=region_count,
    keepTopK=nms_count, no background class and boxes that are not normalised)
    """

    arity = (2, 2)
    mode: str = key(among=("yolov8",), doc="whose heads")
    region_count: int = key(600, doc="most candidates per image and class")
    nms_count: int = key(50, doc="detections per image")
    iou_thres: float = key(0.45, doc="a larger overlap suppresses")
    conf_thres: float = key(0.25, doc="scores must be larger")

    @property
    def outputs(self) -> int:
        return 4

    def infer(self, box: TensorSpec, score: TensorSpec) -> list[TensorSpec]:
        want_rank(score, 3)
        n, a, c = score.shape
        if n < 1 or box.shape not in ((n, a, 1, 4), (n, a, c, 4)):
            raise WorkbenchError(f"expected boxes [{n},{a},1 or {c},4] for scores {score}, of a fixed batch; got {box}")
        if self.region_count < 1 or self.nms_count < 1:
            raise WorkbenchError(f"expected region_count and nms_count of at least 1; got {self.region_count}, "
                                 f"{self.nms_count}")  # fmt: skip
        shapes = [(n, 1), (n, self.nms_count, 4), (n, self.nms_count), (n, self.nms_count)]
        return [TensorSpec(shape, "f32" if i else "i32") for i, shape in enumerate(shapes)]

    @property
    def suppression(self) -> Suppression:
        return Suppression(
            self.iou_thres,
            np.float32(self.conf_thres),
            most=self.nms_count,
            total=self.nms_count,
            region=self.region_count,
            region_per_class=True,
        )

    def reference(self, torch: Any, w: dict[str, Any], box: Any, score: Any) -> list[Any]:
        images = []
        for b, s in zip(box, score, strict=True):
            of_class, which = self.suppression.torch(torch, b[:, 0] if b.shape[1] == 1 else b, s).T
            spare = self.nms_count - len(which)
            boxes = b[which, of_class if b.shape[1] > 1 else 0]
            pad = torch.nn.functional.pad
            images.append((
                torch.tensor([len(which)], dtype=torch.int32),
                pad(boxes, (0, 0, 0, spare)),
                pad(s[which, of_class], (0, spare)),
                pad(of_class.to(s.dtype), (0, spare), value=-1),
            ))  # fmt: skip
        return [torch.stack(t) for t in zip(*images, strict=True)]

    def openvino(self, ov: Any, w: dict[str, Any], box: Any, score: Any) -> list[Any]:
        n = score.get_partial_shape()[0].get_length()
        own_boxes = box.get_partial_shape()[2].get_length() > 1
        images = []
        for i in range(n):
            b, s = ov.gather(box, i, 0).output(0), ov.gather(score, i, 0).output(0)
            b = b if own_boxes else ov.squeeze(b, [1]).output(0)
            pairs = self.suppression.openvino(ov, b, s)
            place = ov.gather(pairs, [1, 0], 1)
            boxes = ov.gather_nd(b, place if own_boxes else ov.gather(pairs, [1], 1))
            count = ov.slice(ov.shape_of(pairs, "i32"), [0], [1], [1], [0])
            of_class = ov.convert(ov.squeeze(ov.gather(pairs, [0], 1), [1]), "f32")
            images.append((count, self._filled(ov, boxes, 0), self._filled(ov, ov.gather_nd(s, place), 0),
                           self._filled(ov, of_class, -1)))  # fmt: skip
        return [ov.concat([ov.unsqueeze(t, 0) for t in side], 0) for side in zip(*images, strict=True)]

    def _filled(self, ov: Any, x: Any, value: float) -> Any:
        """x [M, ...] with `value` up to nms_count places."""
        shape = [self.nms_count, *(d.get_length() for d in x.output(0).get_partial_shape()[1:])]
        spare = ov.constant(np.full(shape, value, np.float32))
        return ov.reshape(ov.slice(ov.concat([x, spare], 0), [0], [self.nms_count], [1], [0]), shape, False)

    def cuda(self, plan: Any, x: list[Any], w: dict[str, Any]) -> Any:
        box, score = x
        s = self.suppression.cuda(score.shape, box.shape[2] > 1)
        work, y = plan.tensor((s.work_words,), "i32"), [plan.output(i) for i in range(4)]
        plan.run(kernels.nms(s, box, score, work), work)
        return plan.run(kernels.nms_batched(s, work, box, score, tuple(y)), *y)

    CASES = [
        Case(f"mode=yolov8 {keys}", [(2, 40, 3 if own else 1, 4), (2, 40, 3)], feeds=partial(four_axes, own=own))
        for own in (False, True)
        for keys in ("", "region_count=12 iou_thres=0.3", "nms_count=6 conf_thres=0.1", "conf_thres=2")
    ]
