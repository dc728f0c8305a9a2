"""pad: a tensor made larger at its ends by a value, by its mirror image or by its last element."""

from __future__ import annotations

from typing import Any

from cuda_ops import copy as kernels
from workbench.errors import WorkbenchError
from workbench.graph import TensorSpec
from workbench.layers.base import Case, Ints, Layer, axis_of, key, layer

MODES = {"constant": "constant", "reflect": "reflect", "replicate": "edge"}  # and OpenVINO's names


@layer("pad")
class Pad(Layer):
    """torch.nn.functional.pad of any axes; reflect does not repeat the element at the edge, replicate does."""

    pad: Ints = key(doc="all sides, one value per axis, or before,after of each axis (top,bottom,left,right)")
    mode: str = key("constant", among=tuple(MODES), doc="what the new elements are")
    value: float = key(0.0, doc="of mode=constant")
    axis: Ints = key(Ints("-2,-1"), doc="the padded axes")

    @property
    def exact(self) -> bool:
        return True

    def infer(self, x: TensorSpec) -> list[TensorSpec]:
        shape = list(x.shape)
        for axis, before, after in self.pads(x):
            n = shape[axis]
            if n < 0:
                raise WorkbenchError("cannot pad an open batch", note="give the input's batch")
            if min(before, after) < 0 or (self.mode == "reflect" and max(before, after) >= n):
                limit = f" and below the axis' {n} elements" if self.mode == "reflect" else ""
                raise WorkbenchError(f"expected pads from 0 up{limit} for {x}; got {before},{after} on axis {axis}")
            shape[axis] = n + before + after
        return [TensorSpec(tuple(shape), x.dtype)]

    def pads(self, x: TensorSpec) -> list[tuple[int, int, int]]:
        """(axis, before, after) of each padded axis."""
        axes, pads = [axis_of(a, x) for a in self.axis], list(self.pad)
        if len(set(axes)) != len(self.axis) or not axes:
            raise WorkbenchError(f"expected distinct axes for {x}; got axis={self.axis}")
        if len(pads) == 1:
            pads *= 2 * len(axes)
        elif len(pads) == len(axes):
            pads = [p for p in pads for _ in (0, 1)]
        if len(pads) != 2 * len(axes):
            n = len(axes)
            raise WorkbenchError(f"expected 1, {n} or {2 * n} pads for axis={self.axis}; got {self.pad}")
        return list(zip(axes, pads[::2], pads[1::2], strict=True))

    def reference(self, torch: Any, w: dict[str, Any], x: Any) -> Any:
        pads = self.pads(TensorSpec(tuple(x.shape)))
        if self.mode == "constant":
            sides = [(0, 0)] * x.dim()
            for axis, before, after in pads:
                sides[axis] = (before, after)
            return torch.nn.functional.pad(x, [p for side in reversed(sides) for p in side], value=self.value)
        for axis, before, after in pads:
            n = x.shape[axis]
            index = torch.arange(-before, n + after)
            if self.mode == "reflect":
                index = (n - 1) - ((n - 1) - index.abs()).abs()
            x = x.index_select(axis, index.clamp(0, n - 1))
        return x

    def openvino(self, ov: Any, w: dict[str, Any], x: Any) -> Any:
        rank = len(x.get_partial_shape())
        begin, end = [0] * rank, [0] * rank
        for axis, before, after in self.pads(TensorSpec((1,) * rank)):
            begin[axis], end[axis] = before, after
        value = ov.constant(self.value, x.get_element_type()) if self.mode == "constant" else None
        return ov.pad(x, begin, end, MODES[self.mode], value)

    strided = True

    def cuda(self, plan: Any, x: list[Any], w: dict[str, Any]) -> Any:
        y, pads = plan.output(), self.pads(TensorSpec(x[0].shape))
        if self.mode == "constant":
            plan.run(kernels.fill(y, float(self.value), y.count), y)
        inside = y
        for axis, before, _ in pads:
            inside = inside.narrow(axis, before, x[0].shape[axis])
        plan.copy(x[0], inside)
        for i, (axis, before, after) in enumerate(pads if self.mode != "constant" else ()):
            known = y  # axes before this one are whole already, those after it only inside
            for later, skip, _ in pads[i + 1 :]:
                known = known.narrow(later, skip, x[0].shape[later])
            self._edges(plan, known, axis, before, after)
        return y

    def _edges(self, plan: Any, y: Any, axis: int, before: int, after: int) -> None:
        """Fill both ends of an axis from what lies between: its mirror image, or its last element."""
        n, mirror = y.shape[axis], self.mode == "reflect"
        last = n - after - 1
        for start, size, source in ((0, before, 2 * before if mirror else before),
                                    (last + 1, after, last - 1 if mirror else last)):  # fmt: skip
            if size:
                plan.copy(y.narrow(axis, source, size, -1 if mirror else 0), y.narrow(axis, start, size))

    CASES = [
        Case(f"mode={mode} {keys}", [shape])
        for mode in MODES
        for keys, shape in (
            ("pad=1", (2, 3, 4, 5)),
            ("pad=2,1", (1, 3, 4, 5)),
            ("pad=0,2,3,1", (2, 3, 4, 5)),
            ("pad=0,2 axis=-1", (2, 3, 5)),
            ("pad=0,3,2,0 axis=1,2", (2, 4, 5, 3)),
        )
    ] + [
        Case("pad=1,2 value=-1.5", [(2, 3, 2, 2)]),
        Case("pad=1 value=7 axis=1", [TensorSpec((2, 3), "i32")]),
    ]
