"""region: boxes from a region head's deltas and the anchors or proposals that they move."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from cuda_ops.elementwise import Step
from workbench.errors import WorkbenchError
from workbench.graph import TensorSpec
from workbench.layers.base import Case, Floats, Ints, Layer, Pair, key, layer, want_rank

LARGEST = math.log(1000 / 16)  # limits the exponent, as Box2BoxTransform's scale_clamp does


def proposals(rng: np.random.Generator) -> list[np.ndarray]:
    """Feeds of a second stage: deltas [2, 7, 12] large enough to be limited, proposals [2, 7, 4]."""
    place = rng.uniform(0, 60, (2, 7, 2))
    box = np.concatenate([place, place + rng.uniform(5, 40, (2, 7, 2))], 2)
    return [(rng.standard_normal((2, 7, 12)) * 12).astype(np.float32), box.astype(np.float32)]


@layer("region")
class Region(Layer):
    """Corner boxes in pixels: deltas (dx, dy, dw, dh) move a box's centre by dx w, dy h and scale its sides by exp.

    anchor_generator=1: inputs deltas [N, H * W * anchors, 4] and a map [N, anchors, H, W], of which only the size
        counts; gives [N, H * W * anchors, 4], ordered y, x, anchor. The anchors of a cell have its corner
        (x, y) * bbox_stride as centre, and for each scale and then each ratio r the area scale^2 with h = r w.
        (DefaultAnchorGenerator of detectron2 with offset 0; Box2BoxTransform with weights 1)
    anchor_generator=0: inputs deltas [N, A, 4 C] and proposals [N, A, 4]; the deltas are first divided by 10, 10, 5, 5;
        gives [N, A, 4 C], clipped to img_size (h,w) where that is given.
        (Box2BoxTransform and fast_rcnn_inference of detectron2)
    """

    arity = (2, 2)
    mode: str = key(among=("maskrcnn",), doc="whose anchors")
    anchor_generator: int = key(doc="1: anchors on a map, 0: proposals as second input")
    bbox_stride: int = key(0, doc="pixels per cell")
    bbox_scale: Ints = key(Ints(), doc="roots of the anchors' areas in pixels")
    bbox_ratio: Floats = key(Floats(), doc="the anchors' heights divided by their widths")
    img_size: Pair = key(Pair(0), doc="h,w that boxes are clipped to; 0,0: not")

    def infer(self, delta: TensorSpec, other: TensorSpec) -> list[TensorSpec]:
        want_rank(delta, 3)
        n, a, width = delta.shape
        if self.anchor_generator:
            want_rank(other, 4)
            if self.bbox_stride < 1 or not self.bbox_scale or not self.bbox_ratio or min(self.bbox_ratio) <= 0:
                raise WorkbenchError("anchor_generator=1 needs bbox_stride, bbox_scale and bbox_ratio, all positive")
            boxes = other.shape[2] * other.shape[3] * len(self.bbox_scale) * len(self.bbox_ratio)
            if (a, width) != (boxes, 4):
                raise WorkbenchError(f"expected deltas [N,{boxes},4] for the anchors on {other}; got {delta}")
        elif other.shape != (n, a, 4) or width % 4:
            raise WorkbenchError(f"expected deltas [N,A,4 C] and proposals [N,A,4]; got {delta} and {other}")
        return [delta]

    def _anchors(self, h: int, w: int) -> np.ndarray:
        """[1, h * w * anchors, 4] f32 corners."""
        sides = [(s / math.sqrt(r), s * math.sqrt(r)) for s in self.bbox_scale for r in self.bbox_ratio]
        half = np.array(sides) / 2
        y, x = np.mgrid[:h, :w].reshape(2, -1, 1) * self.bbox_stride
        corners = [x - half[:, 0], y - half[:, 1], x + half[:, 0], y + half[:, 1]]
        return np.stack(corners, -1).reshape(1, -1, 4).astype(np.float32)

    @property
    def _weights(self) -> np.ndarray:
        return np.array([1, 1, 1, 1] if self.anchor_generator else [10, 10, 5, 5], np.float32)

    def _clipped_to(self) -> np.ndarray | None:
        """Largest x and y of a corner, or None."""
        given = any(self.img_size) and not self.anchor_generator
        return np.array(self.img_size[::-1], np.float32) if given else None

    def reference(self, torch: Any, w: dict[str, Any], delta: Any, other: Any) -> Any:
        box = torch.from_numpy(self._anchors(*other.shape[2:])).to(delta.dtype) if self.anchor_generator else other
        d = delta.reshape(*delta.shape[:2], -1, 4) / torch.from_numpy(self._weights).to(delta.dtype)
        size = (box[..., 2:] - box[..., :2])[:, :, None]
        centre = box[:, :, None, :2] + size / 2
        centre, size = centre + d[..., :2] * size, size * d[..., 2:].clamp(max=LARGEST).exp()
        low, high = centre - size / 2, centre + size / 2
        limit = self._clipped_to()
        if limit is not None:
            most = torch.from_numpy(limit).to(delta.dtype)
            low, high = (torch.minimum(corner.clamp(min=0), most) for corner in (low, high))
        return torch.cat([low, high], -1).reshape(delta.shape)

    def openvino(self, ov: Any, w: dict[str, Any], delta: Any, other: Any) -> Any:
        a, width = (d.get_length() for d in delta.get_partial_shape()[1:])
        if self.anchor_generator:
            h, columns = (d.get_length() for d in other.get_partial_shape()[2:])
            other = ov.constant(self._anchors(h, columns))
        d = ov.divide(ov.reshape(delta, [0, a, width // 4, 4], True), ov.constant(self._weights))
        half = ov.constant(np.float32(0.5))
        first, last = ov.split(ov.unsqueeze(other, 2), 3, 2).outputs()
        shift, growth = ov.split(d, 3, 2).outputs()
        size = ov.subtract(last, first)
        centre = ov.add(ov.add(first, ov.multiply(size, half)), ov.multiply(shift, size))
        reach = ov.multiply(ov.multiply(size, half), ov.exp(ov.minimum(growth, ov.constant(np.float32(LARGEST)))))
        corners = [ov.subtract(centre, reach), ov.add(centre, reach)]
        limit = self._clipped_to()
        if limit is not None:
            zero = ov.constant(np.float32(0))
            corners = [ov.minimum(ov.maximum(corner, zero), ov.constant(limit)) for corner in corners]
        return ov.reshape(ov.concat(corners, 3), [0, a, width], True)

    def cuda(self, plan: Any, x: list[Any], w: dict[str, Any]) -> Any:
        delta, box = x
        n, a, width = delta.shape
        if self.anchor_generator:
            box = plan.constant(self._anchors(*box.shape[2:]))
        box, d = box.view((box.shape[0], a, 1, 4)), delta.view((n, a, width // 4, 4))
        (first, last), (shift, growth) = ((t.narrow(3, 0, 2), t.narrow(3, 2, 2)) for t in (box, d))
        by_place, by_size = (float(self._weights[i]) for i in (0, 2))
        own, shape = first.shape, shift.shape
        size = plan.chain([Step("sub", "b")], [last, first], plan.tensor(own))
        middle = plan.chain([Step("mul", 0.5), Step("add", "b")], [size, first], plan.tensor(own))
        moved = [Step("div", by_place), Step("mul", "b"), Step("add", "c")]
        centre = plan.chain(moved, [shift, size, middle], plan.tensor(shape))
        grown = [Step("div", by_size), Step("min", LARGEST), "exp", Step("mul", 0.5), Step("mul", "b")]
        reach = plan.chain(grown, [growth, size], plan.tensor(shape))
        y, limit = plan.output(), self._clipped_to()
        sides = y.view((n, a, width // 4, 4))
        for i, step in enumerate(("sub", "add")):
            clip = [] if limit is None else [Step("max", 0.0), Step("min", "c")]
            most = [] if limit is None else [plan.constant(limit)]
            corner = plan.chain([Step(step, "b"), *clip], [centre, reach, *most], plan.tensor(shape))
            plan.copy(corner, sides.narrow(3, 2 * i, 2))
        return y

    CASES = [
        Case("mode=maskrcnn bbox_scale=32 bbox_ratio=0.5,1.0,2.0 bbox_stride=4 anchor_generator=1",
             [(2, 45, 4), (2, 3, 3, 5)]),
        Case("mode=maskrcnn bbox_scale=16,64 bbox_ratio=1,3 bbox_stride=8 anchor_generator=1",
             [(1, 24, 4), (1, 4, 2, 3)]),
        Case("mode=maskrcnn anchor_generator=0 img_size=50,70", [(2, 7, 12), (2, 7, 4)], feeds=proposals),
        Case("mode=maskrcnn anchor_generator=0", [(2, 7, 12), (2, 7, 4)], feeds=proposals),
    ]  # fmt: skip
