"""instance_mask: each detection's mask, assembled from prototypes and cut to its box."""

from __future__ import annotations

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

    def openvino(self, ov: Any, w: dict[str, Any], image: Any, box: Any, value: Any, proto: Any) -> Any:
        h, wide = (d.get_length() for d in proto.get_partial_shape()[2:])
        logits = ov.reshape(_logits(ov, image, value, proto), [-1, 1, h, wide], False)
        edged = ov.pad(logits, [0, 0, 1, 1], [0, 0, 1, 1], "edge")
        logits = ov.convolution(edged, ov.constant(_phases(self.factor)), [1, 1], [0, 0], [0, 0], [1, 1])
        positive = ov.depth_to_space(ov.convert(ov.greater(logits, np.float32(0)), "u8"), "blocks_first", self.factor)
        x1, y1, x2, y2 = (ov.unsqueeze(side, 2) for side in ov.split(box, 1, 4).outputs())
        row = np.arange(h * self.factor, dtype=np.float32)[None, :, None]
        column = np.arange(wide * self.factor, dtype=np.float32)[None, None]
        across = ov.logical_and(ov.less_equal(x1, column), ov.greater(x2, column))
        down = ov.logical_and(ov.less_equal(y1, row), ov.greater(y2, row))
        inside = ov.multiply(ov.convert(across, "u8"), ov.convert(down, "u8"))
        return ov.multiply(ov.squeeze(positive, [1]), inside)

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


def _logits(ov: Any, image: Any, value: Any, proto: Any) -> Any:
    """[D, h * w]; detections stand image after image, so that each image's are one product."""
    n, p, h, wide = (d.get_length() for d in proto.get_partial_shape())
    proto = ov.reshape(proto, [n, p, h * wide], False)
    products = []
    for i in range(n):
        own = ov.squeeze(ov.non_zero(ov.equal(image, np.int32(i)), "i32"), [0])
        products.append(ov.matmul(value if n == 1 else ov.gather(value, own, 0), ov.gather(proto, i, 0), False, False))
    return products[0] if n == 1 else ov.concat(products, 0)


def _phases(factor: int) -> np.ndarray:
    """[factor², 1, 3, 3]: the shares that an element's 3 x 3 surroundings have in each of its enlarged pixels.

    OpenVINO convolves many times faster than it interpolates.
    """
    at = (np.arange(factor) + 0.5) / factor - 0.5  # a pixel's place, in elements from the middle one
    along = np.stack([np.maximum(-at, 0), 1 - np.abs(at), np.maximum(at, 0)], 1)
    return np.einsum("yi,xj->yxij", along, along).reshape(factor * factor, 1, 3, 3).astype(np.float32)
