"""instance_mask: each detection's mask, assembled from prototypes and cut to its box."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from workbench.errors import WorkbenchError
from workbench.graph import TensorSpec
from workbench.layers.base import Case, Layer, key, layer, want_rank


def _feeds(rng: np.random.Generator, n: int, found: int) -> list[np.ndarray]:
    """Detections of n images with boxes of every kind and 4 coefficients, and prototypes [n, 4, 6, 8]."""
    corner = rng.uniform(-4, 20, (found, 2))
    image = np.sort(rng.integers(n, size=(found, 1)), 0)
    rest = rng.standard_normal((found, 6))
    rows = np.concatenate([image, corner, corner + rng.uniform(0, 20, (found, 2)), rest], 1)
    return [rows.astype(np.float32), rng.standard_normal((n, 4, 6, 8)).astype(np.float32)]


@layer("instance_mask")
class InstanceMask(Layer):
    """u8 [D, factor * h, factor * w]: 1 where a detection's mask is, inside its box, else 0.

    Inputs: rows of [detections], whose last P columns are mask coefficients, and prototypes [N, P, h, w]. The mask's
    logits, coefficients times the prototypes of the row's image, are enlarged bilinearly (half-pixel centres), cut at
    0, and kept where x1 <= column < x2 and y1 <= row < y2. (Bolya et al. 2019, arXiv:1904.02689; process_mask of
    ultralytics with upsample=True)
    """

    arity = (2, 2)
    factor: int = key(4, doc="pixels of the network's input per element of a prototype")

    def infer(self, rows: TensorSpec, proto: TensorSpec) -> list[TensorSpec]:
        want_rank(rows, 2)
        want_rank(proto, 4)
        n, p, h, w = proto.shape
        if n < 1 or rows.shape[1] < 5 + p:
            raise WorkbenchError(
                f"expected rows of [detections] that end in {p} mask coefficients for prototypes "
                f"{proto}, of a fixed batch; got {rows}"
            )
        if self.factor < 1:
            raise WorkbenchError(f"factor={self.factor}; expected at least 1")
        return [TensorSpec((rows.shape[0], h * self.factor, w * self.factor), "u8")]

    def reference(self, torch: Any, w: dict[str, Any], rows: Any, proto: Any) -> Any:
        h, wide = (size * self.factor for size in proto.shape[2:])
        logits = torch.einsum("dp,dphw->dhw", rows[:, -proto.shape[1] :], proto[rows[:, 0].long()])
        if len(rows):
            logits = torch.nn.functional.interpolate(logits[:, None], (h, wide), mode="bilinear")[:, 0]
        x1, y1, x2, y2 = rows[:, 1:5, None, None].unbind(1)
        row = torch.arange(h, dtype=rows.dtype)[:, None]
        column = torch.arange(wide, dtype=rows.dtype)
        inside = (column >= x1) & (column < x2) & (row >= y1) & (row < y2)
        return ((logits.reshape(-1, h, wide) > 0) & inside).to(torch.uint8)

    def openvino(self, ov: Any, w: dict[str, Any], rows: Any, proto: Any) -> Any:
        n, p, h, wide = (d.get_length() for d in proto.get_partial_shape())
        columns = rows.get_partial_shape()[1].get_length()
        proto = ov.reshape(proto, [n, p, h * wide], False)
        images = []
        for i in range(n):  # rows stand image after image
            own = rows if n == 1 else ov.gather(rows, _of_image(ov, rows, i), 0)
            coefficients = ov.slice(own, [columns - p], [columns], [1], [1])
            images.append(ov.matmul(coefficients, ov.gather(proto, i, 0), False, False))
        logits = ov.reshape(images[0] if n == 1 else ov.concat(images, 0), [1, -1, h, wide], False)
        h, wide = h * self.factor, wide * self.factor
        if self.factor > 1:
            size = ov.constant(np.array([h, wide], np.int64))
            logits = ov.interpolate(logits, size, "linear_onnx", "sizes", axes=ov.constant(np.array([2, 3], np.int64)))
        x1, y1, x2, y2 = (ov.unsqueeze(ov.slice(rows, [i], [i + 1], [1], [1]), 2) for i in range(1, 5))
        row, column = np.arange(h, dtype=np.float32)[None, :, None], np.arange(wide, dtype=np.float32)[None, None]
        across = ov.logical_and(ov.less_equal(x1, column), ov.greater(x2, column))
        down = ov.logical_and(ov.less_equal(y1, row), ov.greater(y2, row))
        positive = ov.greater(ov.squeeze(logits, [0]), np.float32(0))
        return ov.convert(ov.logical_and(positive, ov.logical_and(across, down)), "u8")

    CASES = [
        Case(keys, [(-1, 11), (n, 4, 6, 8)], feeds=partial(_feeds, n=n, found=found))
        for keys, n, found in (("", 1, 7), ("factor=1", 1, 3), ("factor=2", 3, 8), ("", 1, 0))
    ]


def _of_image(ov: Any, rows: Any, i: int) -> Any:
    """Indices of the rows of image i."""
    image = ov.squeeze(ov.slice(rows, [0], [1], [1], [1]), [1])
    return ov.squeeze(ov.non_zero(ov.equal(image, np.float32(i)), "i32"), [0])
