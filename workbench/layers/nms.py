"""nms: non-maximum suppression, giving rows (batch, class, box) that point into the boxes and scores it read."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from cuda_ops import nms as kernels
from workbench.errors import WorkbenchError
from workbench.graph import TensorSpec
from workbench.layers.base import Case, Layer, key, layer, want_rank
from workbench.layers.boxes import corners, corners_openvino, crowd
from workbench.layers.suppression import Suppression


@layer("nms")
class Nms(Layer):
    """Rows (batch, class, box) i32 [R, 3] of the kept boxes, image after image; unused rows are -1, all at the end.

    Inputs: boxes [N, A, 4] (trt: or [N, A, C, 4], each class its own), and scores [N, A, C]. Per image, the
    candidates are the pairs (box, class) with score > conf_thres, and of these the region_count best (all where it is
    -1; pairs that tie with the last one stay). Highest score first, a candidate is kept unless its IoU with a kept one
    of its class is > iou_thres.

    mode=trt     every class of a box is a candidate; at most count_per_class rows per image and class, ordered by
                 class, then by falling score. R = N * min(C * min(count_per_class, A), region_count).
                 (TensorRT's INMSLayer, whose TopK limit is region_count)
    mode=yolov5  only a box's best class is; at most nms_count rows per image, ordered by falling score.
                 R = N * min(nms_count, A). inter_class_nms=1 lets boxes suppress those of other classes.
                 (non_max_suppression of YOLOv5 6.2 with multi_label=False and agnostic=inter_class_nms; classes are
                 kept apart exactly, not by an offset of the coordinates)
    mode=yolox   the same with score >= conf_thres (yolox.utils.postprocess; inter_class_nms is class_agnostic)
    """

    arity = (2, 2)
    mode: str = key(among=("yolov5", "yolox", "yolov5c", "trt"), doc="whose suppression; yolov5c is not known")
    count_per_class: int = key(0, doc="trt: most rows per image and class")
    class_count: int = key(0, doc="number of classes, checked against the scores")
    region_count: int = key(-1, doc="most candidates per image, -1: no limit")
    nms_count: int = key(50, doc="yolov5, yolox: most rows per image")
    iou_thres: float = key(0.45, doc="a larger overlap suppresses")
    conf_thres: float = key(0.25, doc="scores must be larger")
    intra_iou_thres: float = key(0.0, doc="only 0 is known")
    inter_class_nms: int = key(0, doc="yolov5, yolox: 1 suppresses across classes")
    nms_algo: str = key("paral", among=("seq", "paral"), doc="accepted; the result is the same")
    output_format: str = key("rcf", among=("rcf", "rip"), doc="only rcf is known")
    bbox_type: str = key("", among=("xyxy", "xywh"), doc="corners (trt's default) or centre and size (the others')")

    @property
    def best_only(self) -> bool:
        """Only the best class of a box is a candidate."""
        return self.mode != "trt"

    @property
    def most(self) -> int:
        """Most rows per image (yolov5, yolox) or per image and class (trt)."""
        return self.nms_count if self.best_only else self.count_per_class

    @property
    def encoding(self) -> str:
        return self.bbox_type or ("xywh" if self.best_only else "xyxy")

    @property
    def floor(self) -> np.float32:
        """The score that a candidate must exceed; yolox admits the threshold itself."""
        threshold = np.float32(self.conf_thres)
        return np.nextafter(threshold, np.float32(-np.inf)) if self.mode == "yolox" else threshold

    def infer(self, box: TensorSpec, score: TensorSpec) -> list[TensorSpec]:
        self._require_known()
        want_rank(box, 3, 4)
        want_rank(score, 3)
        n, a, c = score.shape
        shapes = [(n, a, 4)] if self.best_only else [(n, a, 4), (n, a, c, 4)]
        if box.shape not in shapes:
            want = " or ".join(str(TensorSpec(s)) for s in shapes)
            raise WorkbenchError(f"expected boxes {want} for scores {score} and mode={self.mode}; got {box}")
        if self.class_count not in (0, c):
            raise WorkbenchError(f"class_count={self.class_count}; the scores {score} have {c} classes")
        if n < 0:
            raise WorkbenchError("nms needs a fixed batch: its rows count through all images",
                                 note="set the batch in the [input] line's shape")  # fmt: skip
        return [TensorSpec((self.rows(n, a, c), 3), "i32")]

    def _require_known(self) -> None:
        for name, known in (("intra_iou_thres", 0.0), ("output_format", "rcf")):
            if (got := getattr(self, name)) != known:
                raise WorkbenchError(f"{name}={got}: only {known} is known")
        if self.mode == "yolov5c":
            raise WorkbenchError("mode=yolov5c: the meaning of this mode is not known", note="use mode=yolov5")
        if self.most < 1:
            name = "nms_count" if self.best_only else "count_per_class"
            raise WorkbenchError(f"{name}={self.most}; expected at least 1 with mode={self.mode}")

    def rows(self, n: int, a: int, c: int) -> int:
        """R for n images of a boxes and c classes."""
        most = min(self.most, a) * (1 if self.best_only else c)
        return n * (min(most, self.region_count) if self.region_count > 0 and not self.best_only else most)

    @property
    def suppression(self) -> Suppression:
        return Suppression(
            self.iou_thres,
            self.floor,
            self.most,
            total=self.nms_count if self.best_only else 0,
            region=max(self.region_count, 0),
            best_only=self.best_only,
            across=self.best_only and self.inter_class_nms != 0,
        )

    def reference(self, torch: Any, w: dict[str, Any], box: Any, score: Any) -> Any:
        box = corners(torch, box, self.encoding)
        found = [self.suppression.torch(torch, box[i], score[i]) for i in range(len(score))]
        rows = [torch.cat([torch.full_like(pairs[:, :1], i), pairs], 1) for i, pairs in enumerate(found)]
        unused = torch.full((self.rows(*score.shape), 3), -1)
        return torch.cat([*rows, unused])[: len(unused)].to(torch.int32)

    def openvino(self, ov: Any, w: dict[str, Any], box: Any, score: Any) -> Any:
        n, a, c = (d.get_length() for d in score.get_partial_shape())
        box = corners_openvino(ov, box, self.encoding)
        rows = []
        for i in range(n):
            pairs = self.suppression.openvino(ov, ov.gather(box, i, 0), ov.gather(score, i, 0).output(0))
            rows.append(ov.pad(pairs, [0, 1], [0, 0], "constant", ov.constant(np.int32(i))))
        unused = np.full((self.rows(n, a, c), 3), -1, np.int32)
        every = ov.slice(ov.concat([*rows, ov.constant(unused)], 0), [0], [len(unused)], [1], [0])
        return ov.reshape(every, list(unused.shape), False)

    def cuda(self, plan: Any, x: list[Any], w: dict[str, Any]) -> Any:
        box, score = x
        s = self.suppression.cuda(score.shape, len(box.shape) == 4, self.encoding == "xywh")
        work, y = plan.tensor((s.work_words,), "i32"), plan.output()
        plan.run(kernels.nms(s, box, score, work), work)
        return plan.run(kernels.nms_rows(s, work, y), y)

    CASES = [
        Case(f"{keys} {thresholds}", [(n, a, 4), (n, a, c)], feeds=partial(crowd, n=n, a=a, c=c))
        for n, a, c, keys in (
            (1, 60, 3, "mode=trt count_per_class=5 bbox_type=xywh class_count=3"),
            (2, 60, 4, "mode=trt count_per_class=100 bbox_type=xyxy region_count=-1"),
            (2, 61, 4, "mode=trt count_per_class=9 region_count=30"),
            (3, 40, 2, "mode=trt count_per_class=2 region_count=500 nms_algo=seq"),
            (2, 60, 4, "mode=yolov5 nms_count=7"),
            (2, 60, 4, "mode=yolov5 inter_class_nms=1 region_count=45"),
            (2, 50, 1, "mode=yolox bbox_type=xyxy nms_count=300"),
            (1, 1, 3, "mode=yolox inter_class_nms=1"),
        )
        for thresholds in ("conf_thres=0.4 iou_thres=0.3", "conf_thres=-1 iou_thres=0.6", "conf_thres=2")
    ] + [
        Case("mode=trt count_per_class=4 region_count=90 conf_thres=0.2 iou_thres=0.2", [(2, 30, 5, 4), (2, 30, 5)],
             feeds=partial(crowd, n=2, a=30, c=5, own_boxes=True)),
    ]  # fmt: skip
