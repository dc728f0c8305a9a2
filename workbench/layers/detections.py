"""detections: what nms kept, each with its box, class, score and whatever else its head said of it."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from workbench.errors import WorkbenchError
from workbench.graph import TensorSpec
from workbench.layers.base import Case, Layer, key, layer, want_rank
from workbench.layers.boxes import corners, corners_openvino, crowd

COLUMNS = 7  # image, x1, y1, x2, y2, class, score


def _feeds(rng: np.random.Generator, n: int, more: int, kept: int) -> list[np.ndarray]:
    """Nine rows of nms, `kept` of them used, image after image; boxes, scores and perhaps more."""
    box, score = crowd(rng, n, 20, 3)
    rows = np.full((9, 3), -1, np.int32)
    rows[:kept] = np.stack(
        [np.sort(rng.integers(n, size=kept)), rng.integers(3, size=kept), rng.permutation(20)[:kept]], 1
    )
    return [rows, box, score, *(rng.standard_normal((n, 5, 20)).astype(np.float32) for _ in range(more))]


@layer("detections")
class Detections(Layer):
    """Rows (image, x1, y1, x2, y2, class, score, ...) f32 [D, 7 + E], as many as there are detections: axis 0 is open.

    Inputs: the rows of nms [R, 3], the boxes [N, A, 4] and scores [N, A, C] that they point into, and perhaps one more
    tensor [N, E, A], as a head leaves it: key points or mask coefficients, of which each detection's own follow its
    score. Rows stand as nms has them; unused ones are left out. Boxes are in the pixels of the network's input.
    """

    arity = (3, 4)
    bbox_type: str = key("xywh", among=("xyxy", "xywh"), doc="of the boxes read: corners, or centre and size")

    def infer(self, rows: TensorSpec, box: TensorSpec, score: TensorSpec, *more: TensorSpec) -> list[TensorSpec]:
        want_rank(score, 3)
        n, a, _ = score.shape
        if n < 1 or box.shape != (n, a, 4):
            raise WorkbenchError(f"expected boxes f32[{n},{a},4] for scores {score}, of a fixed batch; got {box}")
        if len(rows.shape) != 2 or rows.shape[1] != 3 or rows.dtype != "i32":
            raise WorkbenchError(f"expected the rows that nms gives as first input; got {rows}")
        for x in more:
            if len(x.shape) != 3 or (x.shape[0], x.shape[2]) != (n, a):
                raise WorkbenchError(f"expected f32[{n},E,{a}] as fourth input; got {x}")
        return [TensorSpec((-1, COLUMNS + sum(x.shape[1] for x in more)))]

    def reference(self, torch: Any, w: dict[str, Any], rows: Any, box: Any, score: Any, *more: Any) -> Any:
        image, of_class, which = rows[rows[:, 0] >= 0].long().T
        columns = [
            image[:, None].to(box.dtype),
            corners(torch, box[image, which], self.bbox_type),
            of_class[:, None].to(box.dtype),
            score[image, which, of_class][:, None],
        ]
        return torch.cat([*columns, *(x[image, :, which] for x in more)], 1)

    def openvino(self, ov: Any, w: dict[str, Any], rows: Any, box: Any, score: Any, *more: Any) -> Any:
        n, a, c = (d.get_length() for d in score.get_partial_shape())
        used = ov.reduce_sum(ov.convert(ov.greater_equal(ov.gather(rows, 0, 1), np.int32(0)), "i32"), [0], True)
        rows = ov.slice(rows, [0], used, [1], [0])
        image, of_class, which = (ov.gather(rows, i, 1) for i in range(3))
        place = ov.add(ov.multiply(image, np.int32(a)), which)  # among the boxes of all images
        boxes = ov.gather(ov.reshape(box, [n * a, 4], False), place, 0)
        scores = ov.gather(ov.reshape(score, [n * a * c], False), ov.add(ov.multiply(place, np.int32(c)), of_class), 0)
        columns = [
            ov.unsqueeze(ov.convert(image, "f32"), 1),
            corners_openvino(ov, boxes, self.bbox_type),
            ov.unsqueeze(ov.convert(of_class, "f32"), 1),
            ov.unsqueeze(scores, 1),
        ]
        return ov.concat([*columns, *(_columns(ov, x, place) for x in more)], 1)

    CASES = [
        Case(
            keys,
            [TensorSpec((9, 3), "i32"), (n, 20, 4), (n, 20, 3), *[(n, 5, 20)] * more],
            feeds=partial(_feeds, n=n, more=more, kept=kept),
        )
        for keys, n, more, kept in (("", 1, 1, 6), ("bbox_type=xyxy", 3, 1, 9), ("", 2, 0, 5), ("", 1, 1, 0))
    ]


def _columns(ov: Any, x: Any, place: Any) -> Any:
    """[M, E] of x [N, E, A] at places in its N * A; only what is picked is transposed where N is 1."""
    n, e, a = (d.get_length() for d in x.get_partial_shape())
    x = ov.reshape(x if n == 1 else ov.transpose(x, [1, 0, 2]), [e, n * a], False)
    return ov.transpose(ov.gather(x, place, 1), [1, 0])
