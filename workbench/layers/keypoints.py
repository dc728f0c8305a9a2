"""keypoints: key points as a YOLOv8 head leaves them, made into points in pixels."""

from __future__ import annotations

from typing import Any

import numpy as np

from cuda_ops.elementwise import Step
from cuda_ops.launch import Act
from workbench.errors import WorkbenchError
from workbench.graph import TensorSpec
from workbench.layers.base import Case, Layer, key, layer, want_rank
from workbench.layers.cells import cells


@layer("keypoints")
class Keypoints(Layer):
    """Key points [N, K * dims, A] in pixels from a head's values of that shape, and the maps that they lie on.

    With the centre c of a cell and its stride, both as [dist2bbox] has them,
        (x, y) = (2 value + c - 0.5) * stride;   dims=3: the third value is a visibility, its sigmoid is given.
    The maps follow the values, finest first; only their sizes count. (kpts_decode of ultralytics YOLOv8's Pose)
    """

    arity = (2, 9)
    mode: str = key("yolov8", among=("yolov8",), doc="whose formula")
    dims: int = key(3, doc="values of a point: 2 (x,y) or 3 (x,y,visibility)")

    def infer(self, x: TensorSpec, *maps: TensorSpec) -> list[TensorSpec]:
        want_rank(x, 3)
        for m in maps:
            want_rank(m, 4)
        count = sum(m.shape[2] * m.shape[3] for m in maps)
        if self.dims not in (2, 3):
            raise WorkbenchError(f"dims={self.dims}; expected 2 or 3")
        if x.shape[1] % self.dims or x.shape[2] != count:
            raise WorkbenchError(
                f"expected values [N,points*{self.dims},{count}] for these maps; got {x}",
                note="input= is the values, then every map of theirs, finest first",
            )
        return [x]

    def reference(self, torch: Any, w: dict[str, Any], x: Any, *maps: Any) -> Any:
        corner, stride = (torch.from_numpy(a).to(x.dtype) for a in _corners([m.shape[2:] for m in maps]))
        points = x.reshape(len(x), -1, self.dims, x.shape[2])
        place = (points[:, :, :2] * 2 + corner) * stride
        return torch.cat([place, points[:, :, 2:].sigmoid()], 2).reshape(x.shape)

    def openvino(self, ov: Any, w: dict[str, Any], x: Any, *maps: Any) -> Any:
        corner, stride = _corners([[d.get_length() for d in m.get_partial_shape()[2:]] for m in maps])
        values, count = (d.get_length() for d in x.get_partial_shape()[1:])
        points = ov.reshape(x, [0, values // self.dims, self.dims, count], True)
        xy = points if self.dims == 2 else ov.slice(points, [0], [2], [1], [2])
        place = ov.multiply(ov.add(ov.multiply(xy, np.float32(2)), ov.constant(corner)), ov.constant(stride))
        if self.dims == 3:
            place = ov.concat([place, ov.sigmoid(ov.slice(points, [2], [3], [1], [2]))], 2)
        return ov.reshape(place, [0, values, count], True)

    def cuda(self, plan: Any, x: list[Any], w: dict[str, Any]) -> Any:
        corner, stride = (plan.constant(a) for a in _corners([m.shape[2:] for m in x[1:]]))
        n, values, count = x[0].shape
        y, split = plan.output(), (n, values // self.dims, self.dims, count)
        points, given = x[0].view(split), y.view(split)
        xy = points.narrow(2, 0, 2)
        steps = [Step("mul", 2.0), Step("add", "b"), Step("mul", "c")]
        plan.copy(plan.chain(steps, [xy, corner, stride], plan.tensor(xy.shape)), given.narrow(2, 0, 2))
        if self.dims == 3:
            seen = points.narrow(2, 2, 1)
            plan.copy(plan.chain([Act("sigmoid")], [seen], plan.tensor(seen.shape)), given.narrow(2, 2, 1))
        return y

    CASES = [
        Case("mode=yolov8 dims=3", [(2, 15, 50), (2, 3, 5, 7), (2, 3, 3, 4), (2, 3, 1, 3)]),
        Case("dims=2", [(1, 8, 12), (1, 8, 3, 4)]),
    ]


def _corners(sizes: Any) -> tuple[np.ndarray, np.ndarray]:
    """Every cell's first corner (x, y) in cells [2, A], and its pixels [A]."""
    grid = cells(sizes)
    return grid[:2] - np.float32(0.5), grid[2]
