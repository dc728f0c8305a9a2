"""nms: non-maximum suppression, giving rows (batch, class, box) that point into the boxes and scores it read."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from workbench.errors import WorkbenchError
from workbench.graph import TensorSpec
from workbench.layers.base import Case, Layer, key, layer, want_rank
from workbench.layers.boxes import NEVER, corners, corners_openvino, crowd, iou


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

    def reference(self, torch: Any, w: dict[str, Any], box: Any, score: Any) -> Any:
        found = [self._image(torch, corners(torch, box[i], self.encoding), score[i]) for i in range(len(score))]
        images = torch.cat([torch.full((len(f), 1), i) for i, f in enumerate(found)])
        rows = torch.cat([images, torch.cat(found)], 1)
        unused = torch.full((self.rows(*score.shape), 3), -1)
        return torch.cat([rows, unused])[: len(unused)].to(torch.int32)

    def _image(self, torch: Any, box: Any, score: Any) -> Any:
        """(class, box) of one image's kept candidates."""
        open_to = self._candidates(torch, score)
        found = []
        groups = [slice(None)] if self.inter_class_nms and self.best_only else range(score.shape[1])
        for group in groups:
            which, of_class = torch.nonzero(open_to[:, group].reshape(len(score), -1), as_tuple=True)
            of_class = of_class if isinstance(group, slice) else of_class + group
            order = torch.sort(score[which, of_class], descending=True, stable=True).indices
            which, of_class = which[order], of_class[order]
            kept = self._greedy(torch, box[which] if box.ndim == 2 else box[which, of_class])
            found.append(torch.stack([of_class[kept], which[kept]], 1))
        rows = torch.cat(found)
        if self.best_only:
            rows = rows[torch.sort(score[rows[:, 1], rows[:, 0]], descending=True, stable=True).indices][: self.most]
        return rows

    def _candidates(self, torch: Any, score: Any) -> Any:
        """Which pairs [A, C] of one image are considered."""
        if self.best_only:
            best = torch.nn.functional.one_hot(score.argmax(1), score.shape[1]).bool()
            score = torch.where(best, score, float(NEVER))
        if 0 < self.region_count < score.numel():
            last = torch.topk(score.flatten(), self.region_count).values[-1]
            score = torch.where(score >= last, score, float(NEVER))
        return score > float(self.floor)

    def _greedy(self, torch: Any, box: Any) -> Any:
        """Indices of the kept ones among boxes [K, 4] that stand in falling order of score."""
        kept: list[Any] = []
        alive = torch.arange(len(box))
        while len(alive) and len(kept) < self.most:
            first, alive = alive[0], alive[1:]
            kept.append(first)
            alive = alive[~(iou(torch, box[first], box[alive]) > self.iou_thres)]
        return torch.stack(kept) if kept else alive

    def openvino(self, ov: Any, w: dict[str, Any], box: Any, score: Any) -> Any:
        n, a, c = (d.get_length() for d in score.get_partial_shape())
        images = [self._image_openvino(ov, i, ov.gather(box, i, 0), ov.gather(score, i, 0), c) for i in range(n)]
        unused = np.full((self.rows(n, a, c), 3), -1, np.int32)
        rows = ov.slice(ov.concat([*images, ov.constant(unused)], 0), [0], [len(unused)], [1], [0])
        return ov.reshape(rows, list(unused.shape), False)

    def _image_openvino(self, ov: Any, image: int, box: Any, score: Any, classes: int) -> Any:
        """Rows i32 [M, 3] of one image. Only boxes that have a candidate go on: a few hundred of thousands."""
        passing = ov.greater(ov.reduce_max(score, [1]), ov.constant(self.floor))
        index = ov.squeeze(ov.non_zero(passing, "i32"), [0])
        score = ov.gather(score, index, 0)
        box = corners_openvino(ov, ov.gather(box, index, 0), self.encoding)
        best = None
        if self.best_only:
            best = ov.topk(score, 1, 1, "max", "value", "i32", stable=True).output(1)
            if self.inter_class_nms:
                score = ov.reduce_max(score, [1], True)
            else:
                is_best = ov.equal(best, ov.constant(np.arange(classes, dtype=np.int32)[None]))
                score = ov.select(is_best, score, ov.constant(NEVER))
        if self.region_count > 0:
            score = self._region(ov, score)
        of_class, which = self._suppress(ov, box, score)
        if best is not None and self.inter_class_nms:
            of_class = ov.gather(best, ov.squeeze(which, [1]), 0)
        which = ov.gather(index, which, 0)
        image_column = ov.broadcast(ov.constant(np.int32(image)), ov.shape_of(which))
        rows = ov.concat([image_column, of_class, which], 1)
        return ov.slice(rows, [0], [self.most], [1], [0]) if self.best_only else rows

    def _region(self, ov: Any, score: Any) -> Any:
        """Scores [K, C] with those below the region_count-th made NEVER."""
        every = ov.reshape(score, [-1], False)
        passing = ov.squeeze(ov.non_zero(ov.greater(every, ov.constant(self.floor)), "i32"), [0])
        spare = ov.constant(np.full(self.region_count, NEVER, np.float32))  # there may be fewer than region_count
        passing = ov.concat([ov.gather(every, passing, 0), spare], 0)
        last = ov.reduce_min(ov.topk(passing, self.region_count, 0, "max", "none").output(0), [0])
        return ov.select(ov.greater_equal(score, last), score, ov.constant(NEVER))

    def _suppress(self, ov: Any, box: Any, score: Any) -> tuple[Any, Any]:
        """Class and box columns [M, 1] that OpenVINO keeps; it suppresses at IoU >= its threshold, not >."""
        threshold = np.nextafter(np.float32(self.iou_thres), np.float32(np.inf))
        own_boxes = len(box.output(0).get_partial_shape()) == 3
        if own_boxes:  # each class stands as an image of its own
            box, score = ov.transpose(box, [1, 0, 2]), ov.unsqueeze(ov.transpose(score, [1, 0]), 1)
        else:
            box, score = ov.unsqueeze(box, 0), ov.unsqueeze(ov.transpose(score, [1, 0]), 0)
        kept = ov.non_max_suppression(
            box, score, ov.constant(np.int64(self.most)), ov.constant(threshold), ov.constant(self.floor),
            box_encoding="corner", sort_result_descending=self.best_only, output_type="i32",
        )  # fmt: skip
        image, of_class, which = ov.split(kept.output(0), 1, 3).outputs()
        return (image if own_boxes else of_class), which

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
