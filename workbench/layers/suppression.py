"""Greedy non-maximum suppression of one image, shared by the layers that offer it in their own forms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cuda_ops import nms as kernels
from workbench.layers.boxes import NEVER, iou


@dataclass(frozen=True)
class Suppression:
    """Which pairs (class, box) are kept of corner boxes [A, 4], or [A, C, 4] for each class its own, and scores [A, C].

    Candidates are the pairs with a score > floor: of every class, or only of each box's best (best_only); of these the
    `region` best of the image, or of each class (region_per_class), where it is not 0; pairs that tie with the last
    one stay. Highest score first, a candidate is kept unless its IoU with a kept one of its class is > iou_thres
    (`across`, for best_only: with any kept one). At most `most` are kept of a class. Where `total` is 0 they are
    ordered by class and then by falling score; else the `total` best are given, by falling score.
    """

    iou_thres: float
    floor: np.float32
    most: int
    total: int = 0
    region: int = 0
    region_per_class: bool = False
    best_only: bool = False
    across: bool = False

    def torch(self, torch: Any, box: Any, score: Any) -> Any:
        """(class, box) [M, 2] int64."""
        candidate = self._candidates(torch, score)
        found = []
        for group in [slice(None)] if self.across else [slice(c, c + 1) for c in range(score.shape[1])]:
            which, of_class = torch.nonzero(candidate[:, group], as_tuple=True)
            of_class = of_class + (group.start or 0)
            order = torch.sort(score[which, of_class], descending=True, stable=True).indices
            which, of_class = which[order], of_class[order]
            kept = self._greedy(torch, box[which] if box.ndim == 2 else box[which, of_class])
            found.append(torch.stack([of_class[kept], which[kept]], 1))
        pairs = torch.cat(found)
        if self.total:
            best = torch.sort(score[pairs[:, 1], pairs[:, 0]], descending=True, stable=True).indices
            pairs = pairs[best[: self.total]]
        return pairs

    def _candidates(self, torch: Any, score: Any) -> Any:
        """Which pairs [A, C] are considered."""
        if self.best_only:
            best = torch.nn.functional.one_hot(score.argmax(1), score.shape[1]).bool()
            score = torch.where(best, score, float(NEVER))
        ranked = score if self.region_per_class else score.reshape(-1, 1)
        if 0 < self.region < len(ranked):
            last = torch.topk(ranked, self.region, 0).values[-1]
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

    def openvino(self, ov: Any, box: Any, score: Any) -> Any:
        """(class, box) [M, 2] i32. Only boxes with a candidate reach the suppression: a few hundred of thousands."""
        classes = score.get_partial_shape()[1].get_length()
        passing = ov.greater(ov.reduce_max(score, [1]), ov.constant(self.floor))
        index = ov.squeeze(ov.non_zero(passing, "i32"), [0])
        score, box = ov.gather(score, index, 0), ov.gather(box, index, 0)
        best = ov.topk(score, 1, 1, "max", "value", "i32", stable=True).output(1) if self.best_only else None
        if self.across:
            score = ov.reduce_max(score, [1], True)
        elif self.best_only:
            is_best = ov.equal(best, ov.constant(np.arange(classes, dtype=np.int32)[None]))
            score = ov.select(is_best, score, ov.constant(NEVER))
        if self.region:
            score = self._region(ov, score, classes)
        of_class, which = self._suppress(ov, box, score)
        if self.across:
            of_class = ov.gather(best, ov.squeeze(which, [1]), 0)
        pairs = ov.concat([of_class, ov.gather(index, which, 0)], 1)
        return ov.slice(pairs, [0], [self.total], [1], [0]) if self.total else pairs

    def cuda(self, scores: Sequence[int], own_boxes: bool, centre_size: bool = False) -> kernels.Suppression:
        """The same as cuda_ops knows it, for scores of this shape."""
        batch, boxes, classes = scores
        limits = (self.iou_thres, float(self.floor), self.most, self.total, self.region)
        return kernels.Suppression(
            batch, boxes, classes, *limits, self.region_per_class, self.best_only, self.across, own_boxes, centre_size
        )

    def _region(self, ov: Any, score: Any, classes: int) -> Any:
        """Scores [K, C] with those below the region's last made NEVER."""
        if self.region_per_class:
            ranked, shape = ov.transpose(score, [1, 0]), [classes, self.region]
        else:  # few of all pairs pass, and the fewer the faster they are ranked
            every = ov.reshape(score, [-1], False)
            passing = ov.squeeze(ov.non_zero(ov.greater(every, ov.constant(self.floor)), "i32"), [0])
            ranked, shape = ov.gather(every, passing, 0), [self.region]
        axis = len(shape) - 1  # TopK is many times faster along the last axis
        spare = ov.constant(np.full(shape, NEVER, np.float32))  # there may be fewer than region
        ranked = ov.topk(ov.concat([ranked, spare], axis), self.region, axis, "max", "none").output(0)
        last = ov.reduce_min(ranked, [axis])
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
            box_encoding="corner", sort_result_descending=self.total > 0, output_type="i32",
        )  # fmt: skip
        image, of_class, which = ov.split(kept.output(0), 1, 3).outputs()
        return (image if own_boxes else of_class), which
