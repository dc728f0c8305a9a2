"""instance_mask: each detection's mask, assembled from prototypes and cut to its box."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from cuda_ops import mask as kernels
from cuda_ops.launch import IDENTITY
from workbench.errors import WorkbenchError
from workbench.graph import TensorSpec
from workbench.layers.base import Case, Layer, key, layer, want_rank
from workbench.layers.products import batched


def _feeds(rng: np.random.Generator, n: int, found: int) -> list[np.ndarray]:
    """Detections in n images with boxes of every kind and 4 coefficients, and prototypes [n, 4, 6, 8]."""
    corner = rng.uniform(-4, 20, (found, 2))
    box = np.concatenate([corner, corner + rng.uniform(0, 20, (found, 2))], 1)
    values = [box, rng.standard_normal((found, 4)), rng.standard_normal((n, 4, 6, 8))]
    return [np.sort(rng.integers(n, size=found)).astype(np.int32), *(x.astype(np.float32) for x in values)]


@layer("instance_mask")
class InstanceMask(Layer):
    """u8 [D, factor * h, factor * w]: 1 where a detection's mask is, inside its box, else 0.

    Inputs: images [D] and corner boxes [D, 4] as [detections] gives them, coefficients [D, P] and the prototypes of the
    images [N, P, h, w]. The logits, coefficients times the prototypes of the detection's image, are enlarged bilinearly
    (half-pixel centres), cut at 0, and kept where x1 <= column < x2 and y1 <= row < y2.
    (Bolya et al. 2019, arXiv:1904.02689; process_mask of ultralytics with upsample=True)
    """

    arity = (4, 4)
    factor: int = key(4, doc="pixels of the network's input per element of a prototype")

    def infer(self, image: TensorSpec, box: TensorSpec, value: TensorSpec, proto: TensorSpec) -> list[TensorSpec]:
        want_rank(image, 1)
        want_rank(proto, 4)
        n, p, h, w = proto.shape
        d = image.shape[0]
        if n < 1 or (box.shape, value.shape) != ((d, 4), (d, p)):
            raise WorkbenchError(
                f"expected boxes [{d},4] and coefficients [{d},{p}] for prototypes {proto}, of a fixed batch; "
                f"got {box} and {value}"
            )
        if self.factor < 1:
            raise WorkbenchError(f"factor={self.factor}; expected at least 1")
        return [TensorSpec((d, h * self.factor, w * self.factor), "u8")]

    def reference(self, torch: Any, w: dict[str, Any], image: Any, box: Any, value: Any, proto: Any) -> Any:
        h, wide = (size * self.factor for size in proto.shape[2:])
        logits = torch.einsum("dp,dphw->dhw", value, proto[image.long()])
        if len(logits):
            logits = torch.nn.functional.interpolate(logits[:, None], (h, wide), mode="bilinear")[:, 0]
        x1, y1, x2, y2 = box[..., None, None].unbind(1)
        row, column = torch.arange(h, dtype=box.dtype)[:, None], torch.arange(wide, dtype=box.dtype)
        inside = (column >= x1) & (column < x2) & (row >= y1) & (row < y2)
        return ((logits.reshape(-1, h, wide) > 0) & inside).to(torch.uint8)

    def numpy(self, w: dict[str, Any], image: Any, box: Any, value: Any, proto: Any) -> np.ndarray:
        h, wide = (size * self.factor for size in proto.shape[2:])
        y = np.zeros((len(image), h, wide), np.uint8)
        for i, prototypes in enumerate(proto.transpose(0, 2, 3, 1)):
            own = np.flatnonzero(image == i)
            patches = masks_in_boxes(box[own], value[own], np.ascontiguousarray(prototypes), self.factor)
            for mask, (rows, columns, patch) in zip(own, patches, strict=True):
                y[mask, rows, columns] = patch
        return y

    def cuda(self, plan: Any, x: list[Any], w: dict[str, Any]) -> Any:
        image, box, value, proto = x
        (n, p, h, wide), d = proto.shape, box.shape[0]
        # every detection with the prototypes of every image; the kernel takes those of its own
        every = value.expand((n, d, p))
        logits = batched(plan, every, proto.view((n, p, h * wide)), plan.tensor((n, d, h * wide)), act=IDENTITY)
        y = plan.tensor((d, h * self.factor, wide * self.factor), "u8")
        return plan.run(kernels.instances(logits, image, box, box.used, y, (n, d, h, wide), self.factor), y)

    CASES = [
        Case(
            keys,
            [TensorSpec((-1,), "i32"), (-1, 4), (-1, 4), (n, 4, 6, 8)],
            feeds=partial(_feeds, n=n, found=found),
        )
        for keys, n, found in (("", 1, 7), ("factor=1", 1, 3), ("factor=2", 3, 8), ("", 1, 0))
    ]


def masks_in_boxes(
    box: np.ndarray, value: np.ndarray, proto: np.ndarray, factor: int
) -> Iterator[tuple[slice, slice, np.ndarray]]:
    """Of each detection the rows and columns inside its box, and bool [rows, columns]: the mask there.

    As the layer has it, of one image: box [D, 4], value [D, P], and proto with the prototypes last, [h, w, P]. Only
    elements near the box are mixed and enlarged: boxes are small, and whole masks of many take longer than a network.
    There is no matrix product in it: the threads of NumPy's BLAS stay awake after one, and take the engine's cores.
    """
    height, width = (size * factor for size in proto.shape[:2])
    (top, bottom, down), (left, right, across) = (_neighbours(n, n * factor) for n in proto.shape[:2])
    # a whole number is >= x1 and < x2 as it is of their ceilings
    corners = np.ceil(box).clip(0, (width, height, width, height)).astype(int).tolist()
    for (x1, y1, x2, y2), own in zip(corners, value, strict=True):
        y, x = slice(y1, max(y1, y2)), slice(x1, max(x1, x2))
        if y1 >= y2 or x1 >= x2:
            yield y, x, np.zeros((y.stop - y1, x.stop - x1), bool)
            continue
        row, column = top[y1], left[x1]
        logits = np.einsum("yxp,p->yx", proto[row : bottom[y2 - 1] + 1, column : right[x2 - 1] + 1], own)
        wide = logits[:, left[x] - column] * (1 - across[x]) + logits[:, right[x] - column] * across[x]
        share = down[y, None]
        yield y, x, wide[top[y] - row] * (1 - share) + wide[bottom[y] - row] * share > 0


def _neighbours(n: int, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of `size` samples over n elements, between half-pixel centres: the element before, that after, and its share."""
    at = ((np.arange(size) + 0.5) * n / size - 0.5).clip(0, n - 1)
    before = at.astype(int)
    return before, np.minimum(before + 1, n - 1), (at - before).astype(np.float32)
