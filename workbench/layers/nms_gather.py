"""nms_gather: the boxes that nms kept, as roialign reads them; what stands between Mask R-CNN's stages."""

from __future__ import annotations

from typing import Any

import numpy as np

from cuda_ops import gather as kernels
from cuda_ops.elementwise import Step
from workbench.errors import WorkbenchError
from workbench.graph import TensorSpec
from workbench.layers.base import Case, Layer, key, layer, want_rank


def _feeds(rng: np.random.Generator, width: int) -> list[np.ndarray]:
    """Nine rows of nms for 2 images of 20 boxes and 3 classes, six of them in use; boxes [2, 20, width]."""
    rows = np.full((9, 3), -1, np.int32)
    rows[:6] = np.stack([np.sort(rng.integers(2, size=6)), rng.integers(3, size=6), rng.permutation(20)[:6]], 1)
    return [rows, rng.standard_normal((2, 20, width)).astype(np.float32)]


@layer("nms_gather")
class NmsGather(Layer):
    """Rows (image, x1, y1, x2, y2) f32 [R, 5], which roialign reads; those that nms left unused are zeros.

    Inputs: the rows of nms (image, class, box) [R, 3], and the boxes that it chose from: [N, A, 4], or [N, A, 4 C]
    where each class has its own, as [region] gives them for a second stage; then a row takes its class's.
    (rpn and fast_rcnn_inference of detectron2: boxes[keep] and boxes[keep, class])
    """

    arity = (2, 2)
    mode: str = key(among=("maskrcnn",), doc="whose stages")
    class_count: int = key(0, doc="number of classes, checked against boxes that each class has its own of")
    nms_idx: int = key(0, doc="which suppression of the network; accepted, the shape of the boxes tells")

    @property
    def exact(self) -> bool:
        return True

    def infer(self, rows: TensorSpec, box: TensorSpec) -> list[TensorSpec]:
        want_rank(rows, 2)
        want_rank(box, 3)
        if rows.shape[1] != 3 or rows.dtype != "i32":
            raise WorkbenchError(f"expected the rows that nms gives, i32[R,3], as first input; got {rows}")
        width = box.shape[2]
        if box.shape[0] < 1 or width % 4:
            raise WorkbenchError(f"expected boxes [N,A,4] or [N,A,4 C] of a fixed batch; got {box}")
        if width > 4 and self.class_count not in (0, width // 4):
            raise WorkbenchError(f"class_count={self.class_count}; the boxes {box} have {width // 4} classes")
        return [TensorSpec((rows.shape[0], 5))]

    def reference(self, torch: Any, w: dict[str, Any], rows: Any, box: Any) -> Any:
        image, of_class, which = rows.clamp(min=0).long().T
        box = box.reshape(*box.shape[:2], -1, 4)
        picked = box[image, which, of_class if box.shape[2] > 1 else 0]
        used = (rows[:, :1] >= 0).to(box.dtype)
        return torch.cat([image[:, None].to(box.dtype), picked], 1) * used

    def openvino(self, ov: Any, w: dict[str, Any], rows: Any, box: Any) -> Any:
        n, a, width = (d.get_length() for d in box.get_partial_shape())
        safe = ov.maximum(rows, ov.constant(np.int32(0)))
        image, of_class, which = (ov.gather(safe, i, 1) for i in range(3))
        place = ov.add(ov.multiply(image, ov.constant(np.int32(a))), which)
        if width > 4:
            place = ov.add(ov.multiply(place, ov.constant(np.int32(width // 4))), of_class)
        picked = ov.gather(ov.reshape(box, [n * a * width // 4, 4], False), place, 0)
        used = ov.convert(ov.greater_equal(ov.gather(rows, [0], 1), ov.constant(np.int32(0))), "f32")
        return ov.multiply(ov.concat([ov.convert(ov.unsqueeze(image, 1), "f32"), picked], 1), used)

    def cuda(self, plan: Any, x: list[Any], w: dict[str, Any]) -> Any:
        rows, (n, a, width), y = x[0], x[1].shape, plan.output()
        safe = plan.chain([Step("max", 0.0)], [rows], plan.tensor(rows.shape, "i32"))
        image, of_class, which = (safe.narrow(1, i, 1) for i in range(3))
        steps = [Step("mul", a), Step("add", "b")]
        if width > 4:
            steps += [Step("mul", width // 4), Step("add", "c")]
        place = plan.chain(steps, [image, which, of_class][: len(steps) // 2 + 1], plan.tensor(image.shape, "i32"))
        picked = plan.tensor((place.count, 4))
        plan.run(kernels.gather(x[1], place, picked, (n * a * width // 4, 4), 0, place.count), picked)
        used = plan.chain([Step("greater", -0.5)], [rows.narrow(1, 0, 1)], plan.tensor(image.shape, "i32"))
        plan.copy(plan.cast(image), y.narrow(1, 0, 1))
        kept = plan.chain([Step("mul", "b")], [picked, plan.cast(used)], plan.tensor(picked.shape))
        plan.copy(kept, y.narrow(1, 1, 4))
        return y

    CASES = [
        Case(f"mode=maskrcnn {keys}", [TensorSpec((9, 3), "i32"), (2, 20, width)], feeds=feeds)
        for keys, width, feeds in (
            ("nms_idx=1", 4, lambda rng: _feeds(rng, 4)),
            ("nms_idx=2 class_count=3", 12, lambda rng: _feeds(rng, 12)),
        )
    ]
