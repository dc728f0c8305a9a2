"""Launches of nms.cu: which boxes are kept, and the forms in which that is given."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .launch import Launch, flat


@dataclass(frozen=True)
class Suppression:
    """Greedy suppression over boxes [batch, boxes, 4] and scores [batch, boxes, classes].

    Candidates are the pairs with a score > floor: of every class, or only of each box's best (best_only); of these the
    `region` best of the picture, or of each class (region_per_class), where it is not 0; pairs that tie with the last
    one stay. Highest score first, a candidate is kept unless its IoU with a kept one of its class is > iou_thres
    (`across`: with any kept one). At most `most` are kept of a class. Where `total` is 0 they are ordered by class and
    then by falling score; else the `total` best are given, by falling score. own_boxes: [batch, boxes, classes, 4].
    """

    batch: int
    boxes: int
    classes: int
    iou_thres: float
    floor: float
    most: int
    total: int = 0
    region: int = 0
    region_per_class: bool = False
    best_only: bool = False
    across: bool = False
    own_boxes: bool = False
    centre_size: bool = False

    @property
    def most_kept(self) -> int:
        """Most pairs kept of a picture."""
        most = min(self.most, self.boxes) * (1 if self.best_only else self.classes)
        return (self.total and (min(self.total, most) if self.best_only else self.total)) or most

    @property
    def rows(self) -> int:
        """Rows that nms_rows gives; `region` bounds them too, since only ties with its last one go beyond it."""
        limited = self.region and not self.region_per_class and not self.best_only
        return self.batch * (min(self.most_kept, self.region) if limited else self.most_kept)

    @property
    def capacity(self) -> int:
        """Most candidates of a picture, as a power of two."""
        return 1 << (self.boxes * (1 if self.best_only else self.classes) - 1).bit_length()

    @property
    def work_words(self) -> int:
        """Size of the workspace, in int32 words."""
        return self.batch * (self.capacity * 3 + self.most_kept + 1)


def nms(s: Suppression, boxes: Any, scores: Any, work: Any) -> Launch:
    """Fills the workspace with the kept pairs; nms_rows and nms_batched read them."""
    sizes = (s.boxes, s.classes, s.capacity, s.most_kept)
    flags = (int(s.own_boxes), int(s.centre_size), int(s.best_only), int(s.across))
    limits = (s.most, s.total, s.region, int(s.region_per_class), float(s.iou_thres), float(s.floor))
    args = (boxes, scores, work, *sizes, *flags, *limits)
    return Launch("nms", "nms", (s.batch, 1, 1), (1024, 1, 1), args, shared=4 * s.classes)


def nms_rows(s: Suppression, work: Any, y: Any) -> Launch:
    """y [rows, 3] int32: picture, class, box; unused rows are -1, all at the end."""
    return flat("nms", "nms_rows", s.rows, work, y, s.rows, s.batch, s.capacity, s.most_kept, s.classes)


def nms_batched(s: Suppression, work: Any, boxes: Any, scores: Any, outputs: tuple[Any, Any, Any, Any]) -> Launch:
    """outputs: counts [batch] int32, boxes [batch, most_kept, 4], scores and classes; unused: zeros, class -1."""
    sizes = (s.batch, s.capacity, s.most_kept, s.boxes, s.classes, int(s.own_boxes))
    return flat("nms", "nms_batched", s.batch * s.most_kept, work, boxes, scores, *outputs, *sizes)


def nms_merge(
    rows: tuple[Any, int],
    boxes: Any,
    scores: Any,
    y: tuple[Any, int],
    shape: Sequence[int],
    centre_size: bool,
    offset: Sequence[float],
    factor: Sequence[float],
    limit: Sequence[float],
) -> Launch:
    """y (tensor, result_count) [result_count, 7] float32: picture, corners, class, score, by picture and falling score.

    rows: (tensor, count) as nms_rows gives them; shape: boxes of a picture, classes. A corner becomes
    (c - offset) * factor, clipped to 0 ... limit; each given as x, y.
    """
    count, result = rows[1], y[1]
    numbers = tuple(float(v) for pair in (offset, factor, limit) for v in pair)
    args = (rows[0], boxes, scores, y[0], count, result, shape[0], shape[1], int(centre_size), *numbers)
    return flat("nms", "nms_merge", max(count, result), *args)
