"""preproc: the fed picture made ready: channels swapped, normalised, padded, in NCHW."""

from __future__ import annotations

from typing import Any

import numpy as np

from cuda_ops import preproc as kernels
from workbench.errors import WorkbenchError
from workbench.graph import TensorSpec
from workbench.layers.base import Case, Floats, Ints, Layer, Pads, key, layer, want_rank

NORMALISE, PAD = 0, 1  # the numbers in pre_order


@layer("preproc")
class Preproc(Layer):
    """Swap channels (bgr=1), then the steps of pre_order: 0 is (x - mean) / std, 1 is padding; NHWC → NCHW (hwc=1).

    mean, std and pad_value hold one value or one per channel, in the order after the swap. A step that pre_order
    does not list is skipped. Takes u8 or floats, gives f32.
    """

    mode: str = key(among=("generic", "fcn8", "wav2lip-face-detect", "wav2lip"), doc="only generic is known")
    mean: Floats = key(Floats(0), doc="subtracted, in the order after the swap")
    std: Floats = key(Floats(1), doc="divides, in the order after the swap")
    hwc: int = key(0, doc="1: the input is NHWC")
    bgr: int = key(0, doc="1: reverse the channels, BGR to RGB")
    pad: Pads = key(Pads(0), doc="all sides, h,w, or top,bottom,left,right")
    pad_value: Floats = key(Floats(0), doc="in the range of the step's own input")
    pre_order: Ints = key(Ints(), doc="the steps in order: 0 normalise, 1 pad")
    arg: str = key("", doc="accepted and ignored")

    @property
    def pads(self) -> tuple[int, ...]:
        """top, bottom, left, right as they are applied: zeros where pre_order does not list the step."""
        return tuple(self.pad) if PAD in self.pre_order else (0, 0, 0, 0)

    def infer(self, x: TensorSpec) -> list[TensorSpec]:
        want_rank(x, 4)
        if self.mode != "generic":
            raise WorkbenchError(f"mode={self.mode}: the meaning of this mode is not known", note="use mode=generic")
        n, c, h, w = (x.shape[i] for i in ((0, 3, 1, 2) if self.hwc else range(4)))
        for name in ("mean", "std", "pad_value"):
            if (got := len(getattr(self, name))) not in (1, c):
                raise WorkbenchError(f"{name} has {got} values; expected 1 or {c}, the channels of {x}",
                                     note="hwc=1 says that channels come last")  # fmt: skip
        if not set(self.pre_order) <= {NORMALISE, PAD} or len(set(self.pre_order)) < len(self.pre_order):
            raise WorkbenchError(f"pre_order={','.join(map(str, self.pre_order))}: expected 0 and 1, each at most once")
        if min(self.pad) < 0 or 0 in self.std:
            raise WorkbenchError(f"expected pad of at least 0 and std other than 0; got {self.pad} and {self.std}")
        top, bottom, left, right = self.pads
        return [TensorSpec((n, c, h + top + bottom, w + left + right))]

    def reference(self, torch: Any, w: dict[str, Any], x: Any) -> Any:
        x = x.permute(0, 3, 1, 2) if self.hwc else x
        x = x.flip(1) if self.bgr else x
        for step in self.pre_order:
            x = self._normalise(torch, x) if step == NORMALISE else self._pad(torch, x)
        return x

    def _normalise(self, torch: Any, x: Any) -> Any:
        mean, std = (torch.tensor(v, dtype=x.dtype).reshape(1, -1, 1, 1) for v in (self.mean, self.std))
        return (x - mean) / std

    def _pad(self, torch: Any, x: Any) -> Any:
        top, bottom, left, right = self.pad
        sides = (left, right, top, bottom)
        inside = torch.nn.functional.pad(torch.ones_like(x[:1, :1]), sides) > 0
        value = torch.tensor(self.pad_value, dtype=x.dtype).reshape(1, -1, 1, 1)
        return torch.where(inside, torch.nn.functional.pad(x, sides), value)

    def openvino(self, ov: Any, w: dict[str, Any], x: Any) -> Any:
        # Channels stay last until the end: there OpenVINO has them for convolutions, and moves nothing.
        axis = 3 if self.hwc else 1
        if self.bgr:
            channels = x.get_partial_shape()[axis].get_length()
            x = ov.gather(x, list(range(channels))[::-1], axis).output(0)
        for step in self.pre_order:
            if step == NORMALISE:
                x = _normalised(ov, x, self.mean, self.std, axis)
            else:
                x = _padded(ov, x, self.pad, self.pad_value, axis)
        x = _floats(ov, x)
        return ov.transpose(x, [0, 3, 1, 2]) if self.hwc else x

    def cuda(self, plan: Any, x: list[Any], w: dict[str, Any]) -> Any:
        picture = x[0] if x[0].dtype == "u8" else plan.cast(x[0])
        n, c, h, wide = (picture.shape[i] for i in ((0, 3, 1, 2) if self.hwc else range(4)))
        mean, std, fill = (list(v) * (c // len(v)) for v in (self.mean, self.std, self.pad_value))
        if NORMALISE not in self.pre_order:
            mean, std = [0.0] * c, [1.0] * c
        elif self.pre_order[-1] == NORMALISE:  # the padding is normalised too
            fill = [(f - m) / s for f, m, s in zip(fill, mean, std, strict=True)]
        how = (self.pads, bool(self.hwc), bool(self.bgr), "u8" if picture.dtype == "u8" else "stored")
        p = kernels.Preproc(n, c, h, wide, mean, std, fill, *how)
        y = plan.output()
        return plan.run(kernels.preproc(p, picture, y), y)

    CASES = [
        Case("mode=generic bgr=1 std=255 hwc=1 pad=2,3,1,0 pad_value=114 pre_order=1,0",
             [TensorSpec((2, 5, 7, 3), "u8")]),
        Case("mode=generic std=58.395,57.12,57.375 mean=123.675,116.28,103.53 hwc=1 bgr=1 pre_order=0 pad=9",
             [TensorSpec((1, 6, 4, 3), "u8")]),
        Case("mode=generic mean=1,2,3 std=4,5,6 bgr=1 pad=1,2 pad_value=-0.5,7,1.25 pre_order=0,1", [(2, 3, 5, 4)]),
        Case("mode=generic hwc=1 pad=1 pad_value=114,115,116 pre_order=1 arg=x.bin", [TensorSpec((1, 3, 5, 3), "u8")]),
        Case("mode=generic hwc=1 pad=1 pad_value=0.5 pre_order=1", [TensorSpec((1, 3, 5, 4), "u8")]),
        Case("mode=generic hwc=1 bgr=1", [TensorSpec((2, 3, 5, 3), "u8")]),
    ]  # fmt: skip


def _floats(ov: Any, x: Any) -> Any:
    return x if x.get_element_type().to_string() == "f32" else ov.convert(x, "f32").output(0)


def _normalised(ov: Any, x: Any, mean: Floats, std: Floats, axis: int) -> Any:
    x = _floats(ov, x)
    if any(mean):
        x = ov.subtract(x, _per_channel(ov, mean, axis))
    return ov.divide(x, _per_channel(ov, std, axis)).output(0)


def _per_channel(ov: Any, values: Floats, axis: int) -> Any:
    return ov.constant(np.asarray(values, np.float32).reshape([-1] + [1] * (3 - axis)))


def _padded(ov: Any, x: Any, pad: Pads, values: Floats, axis: int) -> Any:
    top, bottom, left, right = pad
    if x.get_element_type().to_string() != "u8" or not all(v in range(256) for v in values):
        x = _floats(ov, x)
    parts = [x] if len(set(values)) == 1 else ov.split(x, axis, len(values)).outputs()
    before, after = ([0, *sides, 0] if axis == 3 else [0, 0, *sides] for sides in ((top, left), (bottom, right)))
    kind = x.get_element_type()
    padded = [ov.pad(part, before, after, "constant", ov.constant(value, kind))
              for part, value in zip(parts, values, strict=False)]  # fmt: skip
    return padded[0].output(0) if len(padded) == 1 else ov.concat(padded, axis).output(0)
