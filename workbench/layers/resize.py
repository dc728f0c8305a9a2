"""resize: an NCHW map sampled at another size, with the meaning of torch.nn.functional.interpolate.

The centre of output element i lies at (i + 0.5) · in/out − 0.5, with corner_align=1 at i · (in − 1)/(out − 1);
nearest takes element ⌊i · in/out⌋. bicubic is Keys' kernel with a = −0.75 (Keys 1981,
doi:10.1109/TASSP.1981.1163711).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cuda_ops import resize as kernels
from workbench.errors import WorkbenchError
from workbench.graph import TensorSpec
from workbench.layers.base import FLOATING, Case, Ints, Layer, key, layer, want_dtype, want_rank


@layer("resize")
class Resize(Layer):
    """[n, c, h, w] → [n, c, *size], or factor times h and w; no antialiasing.

    With a second input and neither key, the height and width of that one.
    """

    arity = (1, 2)
    mode: str = key("bilinear", among=("bilinear", "nearest", "bicubic"), doc="how values are interpolated")
    factor: int = key(0, doc="multiplies h and w; instead of size")
    size: Ints = key(Ints(), doc="h,w of the output; instead of factor")
    corner_align: int = key(0, doc="1: the centres of the corner elements stay (align_corners)")

    @property
    def exact(self) -> bool:
        return self.mode == "nearest"

    def infer(self, x: TensorSpec, like: TensorSpec | None = None) -> list[TensorSpec]:
        want_rank(x, 4)
        want_dtype(x, *FLOATING)
        if like is not None:
            want_rank(like, 4)
        ways = [bool(self.size), bool(self.factor), like is not None]
        if sum(ways) != 1 or len(self.size) > 2 or min(self.factor, *self.size, 0) < 0 or 0 in self.size:
            raise WorkbenchError(
                f"expected size=h,w or a factor, above 0, or a second input to be as large as; got size={self.size}, "
                f"factor={self.factor}, {1 if like is None else 2} inputs"
            )
        if self.mode == "nearest" and self.corner_align:
            raise WorkbenchError("mode=nearest takes no corner_align", note="leave corner_align out")
        return [TensorSpec((*x.shape[:2], *self.target(x.shape[2:], like and like.shape[2:])))]

    def target(self, hw: Any, like: Any = None) -> list[int]:
        if like:
            return list(like)
        return [self.size[0], self.size[-1]] if self.size else [n * self.factor for n in hw]

    def reference(self, torch: Any, w: dict[str, Any], x: Any, like: Any = None) -> Any:
        target = self.target(x.shape[2:], None if like is None else like.shape[2:])
        align = None if self.mode == "nearest" else bool(self.corner_align)
        return torch.nn.functional.interpolate(x, target, mode=self.mode, align_corners=align)

    def openvino(self, ov: Any, w: dict[str, Any], x: Any, like: Any = None) -> Any:
        hw = _size(x)
        target = self.target(hw, None if like is None else _size(like))
        if self.mode == "nearest":
            return _nearest(ov, x, hw, target)
        how = {"coordinate_transformation_mode": "align_corners" if self.corner_align else "half_pixel", "axes": [2, 3]}
        mode = {"bilinear": "linear_onnx", "bicubic": "cubic"}[self.mode]
        return ov.interpolate(x, target, mode, "sizes", cube_coeff=-0.75, **how)

    def cuda(self, plan: Any, x: list[Any], w: dict[str, Any]) -> Any:
        y = plan.output()
        where = (x[0], y, x[0].shape, y.shape[2:])
        if self.mode == "nearest":
            return plan.run(kernels.resize_nearest(*where), y)
        kernel = kernels.resize_bilinear if self.mode == "bilinear" else kernels.resize_bicubic
        return plan.run(kernel(*where, bool(self.corner_align)), y)

    CASES = [
        Case(f"mode={mode} {keys}", [shape])
        for mode in ("bilinear", "nearest", "bicubic")
        for keys, shape in (
            ("factor=2", (2, 3, 5, 4)),
            ("size=9,13", (2, 3, 5, 4)),
            ("size=7,3", (1, 2, 12, 11)),
            ("size=6", (1, 2, 1, 6)),
        )
    ] + [
        Case("", [(2, 3, 1, 1), (1, 5, 6, 7)]),
        Case("mode=nearest", [(1, 2, 5, 4), (3, 1, 9, 8)]),
        Case("factor=3 corner_align=1", [(2, 3, 5, 4)]),
        Case("size=9,1 corner_align=1", [(1, 3, 4, 5)]),
        Case("mode=bicubic size=9,7 corner_align=1", [(2, 3, 5, 4)]),
    ]


def _size(x: Any) -> list[int]:
    return [d.get_length() for d in list(x.get_partial_shape())[2:]]


def nearest(n: int, size: int) -> np.ndarray:
    """The source index of each output element, in float32 arithmetic as PyTorch has it (it decides exact ties)."""
    scale = np.float32(n) / np.float32(size)
    return np.minimum(np.floor(np.arange(size, dtype=np.float32) * scale).astype(np.int64), n - 1)


def _nearest(ov: Any, x: Any, hw: list[int], target: list[int]) -> Any:
    """The fused operator where every element is repeated equally often; else a gather, as it rounds in its own way."""
    indices = [nearest(n, size) for n, size in zip(hw, target, strict=True)]
    if all(size % n == 0 and (index == np.arange(size) // (size // n)).all()
           for n, size, index in zip(hw, target, indices, strict=True)):  # fmt: skip
        how = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor", "axes": [2, 3]}
        return ov.interpolate(x, target, "nearest", "sizes", **how)
    return ov.gather(ov.gather(x, indices[0], 2), indices[1], 3)
