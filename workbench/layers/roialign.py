"""roialign: the mean of bilinear samples in every bin of a box (He et al. 2017, Mask R-CNN, arXiv:1703.06870)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from cuda_ops import roialign as kernels
from workbench.errors import WorkbenchError
from workbench.graph import TensorSpec
from workbench.layers.base import FLOATING, Case, Layer, key, layer, want_dtype, want_mode, want_rank


def _feeds(rng: Any) -> list[Any]:
    """Maps [2, 3, 9, 11] and boxes that lie inside, reach over the edges, or are thinner than an element."""
    boxes = [[0, 1.3, 0.7, 8.2, 6.9], [1, -3, -2, 5, 4], [1, 4, 3, 14, 12], [0, 2, 2, 2.4, 2.6], [1, 0, 0, 11, 9]]
    return [rng.standard_normal((2, 3, 9, 11)).astype(np.float32), np.array(boxes, np.float32)]


@layer("roialign")
class RoiAlign(Layer):
    """torchvision.ops.roi_align of a map [n, c, h, w] and boxes [k, 5] → [k, c, align_size, align_size].

    A box is its index in the batch and x1, y1, x2, y2.
    """

    arity = (2, 2)
    align_size: int = key(doc="bins along each side of a box")
    mode: str = key(among=("maskrcnn", "generic"), doc="generic: one map and its boxes")
    roi_idx: int = key(0, doc="of mode=maskrcnn")
    spatial_scale: float = key(1.0, doc="elements of the map per unit of a box")
    sampling_ratio: int = key(-1, doc="samples along a bin's sides; -1: its size in elements, rounded up")
    aligned: int = key(0, doc="1: boxes are shifted by half an element, and small ones stay small")

    def infer(self, x: TensorSpec, boxes: TensorSpec) -> list[TensorSpec]:
        want_mode(self.mode, "generic")
        want_rank(x, 4)
        want_rank(boxes, 2)
        want_dtype(x, *FLOATING)
        want_dtype(boxes, *FLOATING)
        if boxes.shape[1] != 5:
            raise WorkbenchError(f"expected boxes [k,5] (index in the batch, x1, y1, x2, y2); got {boxes}")
        if self.align_size < 1:
            raise WorkbenchError(f"expected an align_size of at least 1; got {self.align_size}")
        return [TensorSpec((boxes.shape[0], x.shape[1], self.align_size, self.align_size))]

    def reference(self, torch: Any, w: dict[str, Any], x: Any, boxes: Any) -> Any:
        # Bilinear samples and their mean are separable: one matrix along y, one along x.
        pooled = [x.new_zeros(0, x.shape[1], self.align_size, self.align_size)]
        for box in boxes:
            x1, y1, x2, y2 = box[1:] * self.spatial_scale
            rows, cols = self._bins(torch, y1, y2, x.shape[2]), self._bins(torch, x1, x2, x.shape[3])
            pooled.append((rows @ x[int(box[0])] @ cols.T)[None])
        return torch.cat(pooled)

    def _bins(self, torch: Any, low: Any, high: Any, n: int) -> Any:
        """[align_size, n]: how much each of an axis' n elements counts in each bin from `low` to `high`."""
        length = high - low if self.aligned else (high - low).clamp(min=1)
        step, start = length / self.align_size, low - 0.5 * bool(self.aligned)
        samples = self.sampling_ratio if self.sampling_ratio > 0 else max(math.ceil(float(step)), 0)
        offsets = (torch.arange(samples, dtype=low.dtype) + 0.5) * step / max(samples, 1)
        # Summed in torchvision's order: rounding decides whether a sample on the map's border counts.
        at = start + torch.arange(self.align_size, dtype=low.dtype)[:, None] * step + offsets
        inside = ((at >= -1) & (at <= n)).to(low.dtype)[..., None]
        at = at.clamp(0, n - 1)[..., None]
        hat = (1 - (at - torch.arange(n, dtype=low.dtype)).abs()).clamp(min=0)  # bilinear weight of each element
        return (hat * inside).sum(1) / max(samples, 1)

    def openvino(self, ov: Any, w: dict[str, Any], x: Any, boxes: Any) -> Any:
        index = ov.convert(ov.gather(boxes, 0, 1), "i32")
        corners = ov.gather(boxes, np.arange(1, 5), 1)
        how = "half_pixel_for_nn" if self.aligned else "asymmetric"
        size, samples = self.align_size, max(self.sampling_ratio, 0)
        return ov.roi_align(x, corners, index, size, size, samples, self.spatial_scale, "avg", how)

    def cuda(self, plan: Any, x: list[Any], w: dict[str, Any]) -> Any:
        y = plan.output()
        how = (self.spatial_scale, max(self.sampling_ratio, 0), bool(self.aligned))
        return plan.run(kernels.roialign(x[0], x[1], y, x[0].shape, y.shape, *how), y)

    CASES = [
        Case(f"align_size={size} mode=generic {keys}", [(2, 3, 9, 11), (5, 5)], feeds=_feeds)
        for size in (1, 3, 7)
        for keys in ("", "aligned=1", "sampling_ratio=2", "sampling_ratio=2 aligned=1 spatial_scale=0.5")
    ]
