"""The rows of nms, (image, class, box) with -1 for the unused, as the layers read them that go on from there."""

from __future__ import annotations

from typing import Any

import numpy as np

from cuda_ops import reduce as counting
from cuda_ops.elementwise import Step
from workbench.errors import WorkbenchError
from workbench.graph import TensorSpec


def rows_of_nms(rng: np.random.Generator, n: int, used: int) -> np.ndarray:
    """Nine rows of nms for n images of 20 boxes and 3 classes, the first `used` of them in use."""
    rows = np.full((9, 3), -1, np.int32)
    image = np.sort(rng.integers(n, size=used))
    rows[:used] = np.stack([image, rng.integers(3, size=used), rng.permutation(20)[:used]], 1)
    return rows


def want_kept(rows: TensorSpec) -> None:
    """Raise unless these can be the rows that nms gives."""
    if len(rows.shape) != 2 or rows.shape[1] != 3 or rows.dtype != "i32":
        raise WorkbenchError(f"expected the rows that nms gives as first input; got {rows}")


def kept(rows: Any) -> Any:
    """Image, class and box of every row in use, each a torch tensor [D] of int64."""
    return rows[rows[:, 0] >= 0].long().unbind(1)


def kept_openvino(ov: Any, rows: Any) -> list[Any]:
    """What `kept` says, as i32; the rows in use stand first."""
    in_use = ov.convert(ov.greater_equal(ov.gather(rows, 0, 1), np.int32(0)), "i32")
    rows = ov.slice(rows, [0], ov.reduce_sum(in_use, [0], True), [1], [0])
    return [ov.gather(rows, column, 1) for column in range(3)]


def kept_cuda(plan: Any, rows: Any) -> list[Any]:
    """Image, class and box of every row, as i32 views [R], and how many of the rows are in use, the first ones."""
    columns = [rows.as_strided((rows.shape[0],), rows.strides[:1], i) for i in range(3)]
    in_use = plan.chain([Step("greater", -0.5)], columns[:1], plan.tensor(columns[0].shape, "i32"))
    used = plan.tensor((1,), "i32")
    plan.run(counting.reduce(in_use, used, in_use.shape, 0, "sum"), used)
    return [*columns, used]


def place_cuda(plan: Any, image: Any, which: Any, a: int) -> Any:
    """Where boxes stand among those of all images, of `a` each."""
    return plan.chain([Step("mul", a), Step("add", "b")], [image, which], plan.tensor(image.shape, "i32"))
