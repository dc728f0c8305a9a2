"""dist2bbox: distances from each cell's centre to a box's four sides, made into boxes in pixels."""

from __future__ import annotations

from typing import Any

import numpy as np

from cuda_ops import yolo as kernels
from workbench.errors import WorkbenchError
from workbench.graph import TensorSpec
from workbench.layers.base import Case, Layer, key, layer, want_rank
from workbench.layers.cells import cells


@layer("dist2bbox")
class Dist2Bbox(Layer):
    """Boxes [N, 4, A] in pixels from distances (left, top, right, bottom) [N, 4, A] in cells, and the maps they lie on.

    After the distances come the maps, finest first, of which only the sizes count: map i has A_i = H_i * W_i cells of
    8 * 2^i pixels with centres at +0.5, row by row. Anchor-free decoding as in ultralytics YOLOv8's Detect.
    """

    arity = (2, 9)
    mode: str = key("yolov8", among=("yolov8",), doc="whose cells and strides")
    bbox_type: str = key(among=("xyxy", "xywh"), doc="corners, or centre and size")

    def infer(self, x: TensorSpec, *maps: TensorSpec) -> list[TensorSpec]:
        want_rank(x, 3)
        for m in maps:
            want_rank(m, 4)
        count = sum(m.shape[2] * m.shape[3] for m in maps)
        if x.shape[1:] != (4, count):
            sizes = " + ".join(f"{m.shape[2]}×{m.shape[3]}" for m in maps)
            raise WorkbenchError(f"expected distances [N,4,{count}] for maps of {sizes} cells; got {x}",
                                 note="input= is the distances, then every map of theirs, finest first")  # fmt: skip
        return [x]

    def reference(self, torch: Any, w: dict[str, Any], x: Any, *maps: Any) -> Any:
        grid = cells([m.shape[2:] for m in maps])
        centre, stride = torch.from_numpy(grid[:2]).to(x.dtype), torch.from_numpy(grid[2]).to(x.dtype)
        first, last = centre - x[:, :2], centre + x[:, 2:]
        corners = (first, last) if self.bbox_type == "xyxy" else ((first + last) / 2, last - first)
        return torch.cat(corners, 1) * stride

    def openvino(self, ov: Any, w: dict[str, Any], x: Any, *maps: Any) -> Any:
        grid = cells([[d.get_length() for d in m.get_partial_shape()[2:]] for m in maps])
        centre, stride = ov.constant(grid[None, :2]), ov.constant(grid[2])
        near, far = ov.split(x, 1, 2).outputs()
        first, last = ov.subtract(centre, near), ov.add(centre, far)
        if self.bbox_type == "xywh":
            half = ov.constant(np.float32(0.5))
            first, last = ov.multiply(ov.add(first, last), half), ov.subtract(last, first)
        return ov.multiply(ov.concat([first, last], 1), stride)

    def cuda(self, plan: Any, x: list[Any], w: dict[str, Any]) -> Any:
        y = plan.output()
        maps = [m.shape[2:] for m in x[1:]]
        return plan.run(kernels.dist2bbox(x[0], y, y.shape[0], maps, self.bbox_type == "xywh"), y)

    CASES = [
        Case("mode=yolov8 bbox_type=xyxy", [(2, 4, 50), (2, 3, 5, 7), (2, 3, 3, 4), (2, 3, 1, 3)]),
        Case("bbox_type=xywh", [(2, 4, 50), (2, 3, 5, 7), (2, 3, 3, 4), (2, 3, 1, 3)]),
        Case("bbox_type=xywh", [(1, 4, 12), (1, 8, 3, 4)]),
    ]
