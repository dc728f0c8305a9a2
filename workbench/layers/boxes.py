"""Boxes as corners (x1, y1, x2, y2) or as centre and size (x, y, w, h), shared by the layers that read them."""

from __future__ import annotations

from typing import Any

import numpy as np

from cuda_ops.elementwise import Step

NEVER = np.finfo(np.float32).min  # a score that passes no threshold


def corners(torch: Any, box: Any, bbox_type: str) -> Any:
    """The last axis as corners, from `bbox_type` xyxy or xywh."""
    if bbox_type == "xyxy":
        return box
    centre, half = box[..., :2], box[..., 2:] / 2
    return torch.cat([centre - half, centre + half], -1)


def corners_openvino(ov: Any, box: Any, bbox_type: str) -> Any:
    """What `corners` says, as an OpenVINO node."""
    if bbox_type == "xyxy":
        return box
    centre, size = ov.split(box, -1, 2).outputs()
    half = ov.multiply(size, ov.constant(np.float32(0.5)))
    return ov.concat([ov.subtract(centre, half), ov.add(centre, half)], -1)


def corners_cuda(plan: Any, box: Any, bbox_type: str) -> Any:
    """What `corners` says, as a planned tensor [K, 4]."""
    if bbox_type == "xyxy":
        return box
    y, (centre, size) = plan.tensor(box.shape), (box.narrow(1, 0, 2), box.narrow(1, 2, 2))
    for i, step in enumerate(("rsub", "add")):
        corner = plan.chain([Step("mul", 0.5), Step(step, "b")], [size, centre], plan.tensor(size.shape))
        plan.copy(corner, y.narrow(1, 2 * i, 2))
    return y


def iou(torch: Any, one: Any, many: Any) -> Any:
    """Intersection over union of a box [4] with each of [K, 4], 0 without area; any two opposite corners make a box."""
    low, high = torch.minimum(one[:2], one[2:]), torch.maximum(one[:2], one[2:])
    lows, highs = torch.minimum(many[:, :2], many[:, 2:]), torch.maximum(many[:, :2], many[:, 2:])
    shared = (torch.minimum(high, highs) - torch.maximum(low, lows)).clamp(min=0).prod(1)
    union = (high - low).prod() + (highs - lows).prod(1) - shared
    return torch.where(shared > 0, shared / union, torch.zeros_like(shared))


def crowd(rng: np.random.Generator, n: int, a: int, c: int, own_boxes: bool = False) -> list[np.ndarray]:
    """For test cases: boxes [n, a, 4] (own_boxes: [n, a, c, 4]) that overlap and scores [n, a, c] of which no two tie.

    The boxes may be read as corners or as centre and size.
    """
    place = rng.uniform(0, 60, (n, a, c, 2) if own_boxes else (n, a, 2))
    box = np.concatenate([place, place + rng.uniform(20, 60, place.shape)], -1)
    score = (rng.permutation(n * a * c) + 0.5) / (n * a * c)
    return [box.astype(np.float32), score.reshape(n, a, c).astype(np.float32)]
