"""detections: what nms kept, each with its image, box, class and score."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from cuda_ops import gather as kernels
from cuda_ops.elementwise import Step
from workbench.errors import WorkbenchError
from workbench.graph import TensorSpec
from workbench.layers.base import Case, Layer, key, layer, want_rank
from workbench.layers.boxes import corners, corners_cuda, corners_openvino, crowd
from workbench.layers.kept import kept, kept_cuda, kept_openvino, place_cuda, rows_of_nms, want_kept


def _feeds(rng: np.random.Generator, n: int, used: int) -> list[np.ndarray]:
    return [rows_of_nms(rng, n, used), *crowd(rng, n, 20, 3)]


@layer("detections")
class Detections(Layer):
    """Images i32 [D], corner boxes f32 [D, 4], classes i32 [D] and scores f32 [D] of the D detections that nms kept.

    Inputs: the rows of nms (image, class, box) [R, 3], and the boxes [N, A, 4] and scores [N, A, C] they point into.
    Rows stand as nms has them; unused ones are left out, so axis 0 of the outputs is open. Boxes stay in the pixels of
    the network's input; [nms_merge] is for those of an original picture of one known size.
    """

    arity = (3, 3)
    bbox_type: str = key("xywh", among=("xyxy", "xywh"), doc="of the boxes read: corners, or centre and size")

    @property
    def outputs(self) -> int:
        return 4

    def infer(self, rows: TensorSpec, box: TensorSpec, score: TensorSpec) -> list[TensorSpec]:
        want_kept(rows)
        want_rank(score, 3)
        n, a, _ = score.shape
        if n < 1 or box.shape != (n, a, 4):
            raise WorkbenchError(f"expected boxes f32[{n},{a},4] for scores {score}, of a fixed batch; got {box}")
        return [TensorSpec((-1,), "i32"), TensorSpec((-1, 4)), TensorSpec((-1,), "i32"), TensorSpec((-1,))]

    def reference(self, torch: Any, w: dict[str, Any], rows: Any, box: Any, score: Any) -> list[Any]:
        image, of_class, which = kept(rows)
        return [image, corners(torch, box[image, which], self.bbox_type), of_class, score[image, which, of_class]]

    def openvino(self, ov: Any, w: dict[str, Any], rows: Any, box: Any, score: Any) -> list[Any]:
        n, a, c = (d.get_length() for d in score.get_partial_shape())
        image, of_class, which = kept_openvino(ov, rows)
        place = ov.add(ov.multiply(image, np.int32(a)), which)  # among the boxes of all images
        boxes = ov.gather(ov.reshape(box, [n * a, 4], False), place, 0)
        pair = ov.add(ov.multiply(place, np.int32(c)), of_class)
        scores = ov.gather(ov.reshape(score, [n * a * c], False), pair, 0)
        return [image, corners_openvino(ov, boxes, self.bbox_type), of_class, scores]

    def cuda(self, plan: Any, x: list[Any], w: dict[str, Any]) -> Any:
        _, box, score = x
        (n, a, c), (image, of_class, which, used) = score.shape, kept_cuda(plan, x[0])
        place = place_cuda(plan, image, which, a)
        found = plan.tensor((place.count, 4))
        plan.run(kernels.gather(box, place, found, (n * a, 4), 0, place.count), found)
        pair = plan.chain([Step("mul", c), Step("add", "b")], [place, of_class], plan.tensor(place.shape, "i32"))
        scores = plan.tensor(place.shape)
        plan.run(kernels.gather(score, pair, scores, (n * a * c,), 0, place.count), scores)
        return [t.in_use(used) for t in (image, corners_cuda(plan, found, self.bbox_type), of_class, scores)]

    CASES = [
        Case(keys, [TensorSpec((9, 3), "i32"), (n, 20, 4), (n, 20, 3)], feeds=partial(_feeds, n=n, used=used))
        for keys, n, used in (("", 1, 6), ("bbox_type=xyxy", 3, 9), ("", 2, 5), ("", 1, 0))
    ]
