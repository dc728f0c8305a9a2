"""slice: a box cut out of a tensor."""

from __future__ import annotations

from typing import Any

from workbench.errors import WorkbenchError
from workbench.graph import TensorSpec
from workbench.layers.base import Case, Ints, Layer, key, layer, want_mode


@layer("slice")
class Slice(Layer):
    """x[start : start + shape * stride : stride] on every axis; `shape` is the size that comes out, -1 up to the end.

    A negative start counts from the end. An open batch stays whole: start 0, shape -1, stride 1.
    """

    start: Ints = key(doc="first element on every axis")
    shape: Ints = key(doc="size on every axis, -1: to the end")
    stride: Ints = key(Ints(), doc="step on every axis; left out: 1")
    mode: str = key("", among=("", "ocr-craft", "dynamic"), doc="left out; the other modes are not known here")

    @property
    def exact(self) -> bool:
        return True

    def infer(self, x: TensorSpec) -> list[TensorSpec]:
        want_mode(self.mode, "")
        rank = len(x.shape)
        if len(self.start) != rank or len(self.shape) != rank or len(self.stride) not in (0, rank):
            raise WorkbenchError(
                f"expected start, shape and stride of {rank} numbers for {x}; "
                f"got start={self.start}, shape={self.shape}, stride={self.stride}"
            )
        return [TensorSpec(tuple(self.size(axis, n, x) for axis, n in enumerate(x.shape)), x.dtype)]

    def size(self, axis: int, n: int, x: TensorSpec) -> int:
        """The size that comes out on one axis of n elements."""
        start, size, stride = self.start[axis], self.shape[axis], self.steps[axis]
        if n == -1:
            if (start, size, stride) != (0, -1, 1):
                raise WorkbenchError(f"axis 0 of {x} is open: expected start 0, shape -1, stride 1 there")
            return -1
        first = start + n if start < 0 else start
        if size == -1 and stride > 0:
            size = -(-(n - first) // stride)
        if stride < 1 or size < 1 or not 0 <= first <= first + (size - 1) * stride < n:
            raise WorkbenchError(
                f"start={start} shape={self.shape[axis]} stride={stride} does not lie within axis {axis} of {x}"
            )
        return size

    @property
    def steps(self) -> tuple[int, ...]:
        return self.stride or (1,) * len(self.start)

    def ends(self, shape: Any) -> list[int | None]:
        """The end on every axis, None where it runs to the tensor's own."""
        return [
            None if size == -1 else (start + n if start < 0 else start) + (size - 1) * step + 1
            for start, size, step, n in zip(self.start, self.shape, self.steps, shape, strict=True)
        ]

    def reference(self, torch: Any, w: dict[str, Any], x: Any) -> Any:
        return x[tuple(slice(*box) for box in zip(self.start, self.ends(x.shape), self.steps, strict=True))]

    def openvino(self, ov: Any, w: dict[str, Any], x: Any) -> Any:
        shape = [d.get_length() if d.is_static else -1 for d in x.get_partial_shape()]
        boxes = list(zip(self.start, self.ends(shape), self.steps, shape, strict=True))
        # axes that stay whole are left out, so that neither they nor an open batch are baked in
        axes = [i for i, (start, end, step, n) in enumerate(boxes) if (start, step) != (0, 1) or end not in (None, n)]
        if not axes:
            return x
        to_end = 2**31 - 1
        start, end, step = ([boxes[i][k] for i in axes] for k in (0, 1, 2))
        return ov.slice(x, start, [to_end if e is None else e for e in end], step, axes)

    strided = True

    def cuda(self, plan: Any, x: list[Any], w: dict[str, Any]) -> Any:
        y = x[0]
        for axis, (start, size, step) in enumerate(zip(self.start, plan.specs[0].shape, self.steps, strict=True)):
            y = y.narrow(axis, start + y.shape[axis] if start < 0 else start, size, step)
        return y

    CASES = [
        Case("start=0,1,0 shape=2,3,-1", [(2, 5, 7)]),
        Case("start=0,0,1,0 shape=-1,-1,-1,5 stride=1,1,2,1", [(2, 3, 5, 7)]),
        Case("start=1,0 shape=1,-1", [(2, 5)]),
        Case("start=0,-3 shape=-1,2", [(2, 5)]),
        Case("start=0,1 shape=-1,3 stride=1,2 act=tanh", [(2, 7)]),
        Case("start=0,0 shape=-1,-1", [(2, 5)]),
        Case("start=0,2 shape=-1,2", [TensorSpec((2, 5), "u8")]),
    ]
