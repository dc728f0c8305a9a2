"""pick: of what a head says of every box, the part that belongs to the boxes which nms kept."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from cuda_ops import gather as kernels
from workbench.errors import WorkbenchError
from workbench.graph import TensorSpec
from workbench.layers.base import Case, Layer, layer, want_rank
from workbench.layers.kept import kept, kept_cuda, kept_openvino, place_cuda, rows_of_nms, want_kept


def _feeds(rng: np.random.Generator, n: int, used: int) -> list[np.ndarray]:
    return [rows_of_nms(rng, n, used), rng.standard_normal((n, 5, 20)).astype(np.float32)]


@layer("pick")
class Pick(Layer):
    """f32 [D, E]: of a tensor [N, E, A], as a head leaves it, the E values of each of the D boxes that nms kept.

    Inputs: the rows of nms (image, class, box) [R, 3], and the tensor. Rows stand as nms has them; unused ones are left
    out, so axis 0 of the output is open. Key points and mask coefficients are what is picked.
    """

    arity = (2, 2)

    @property
    def exact(self) -> bool:
        return True

    def infer(self, rows: TensorSpec, x: TensorSpec) -> list[TensorSpec]:
        want_kept(rows)
        want_rank(x, 3)
        if x.shape[0] < 1:
            raise WorkbenchError(f"expected a tensor [N,E,A] of a fixed batch; got {x}")
        return [TensorSpec((-1, x.shape[1]))]

    def reference(self, torch: Any, w: dict[str, Any], rows: Any, x: Any) -> Any:
        image, _, which = kept(rows)
        return x[image, :, which]

    def openvino(self, ov: Any, w: dict[str, Any], rows: Any, x: Any) -> Any:
        image, _, which = kept_openvino(ov, rows)
        n, e, a = (d.get_length() for d in x.get_partial_shape())
        place = ov.add(ov.multiply(image, np.int32(a)), which)  # among the boxes of all images
        # Of a single image only what is picked is transposed, a few boxes of thousands.
        x = ov.reshape(x if n == 1 else ov.transpose(x, [1, 0, 2]), [e, n * a], False)
        return ov.transpose(ov.gather(x, place, 1), [1, 0])

    def cuda(self, plan: Any, x: list[Any], w: dict[str, Any]) -> Any:
        (n, e, a), (image, _, which, used) = x[1].shape, kept_cuda(plan, x[0])
        place = place_cuda(plan, image, which, a)
        y = plan.tensor((place.count, e))
        table = plan.packed(x[1].permute((0, 2, 1))).view((n * a, e))
        return plan.run(kernels.gather(table, place, y, table.shape, 0, place.count), y).in_use(used)

    CASES = [
        Case("", [TensorSpec((9, 3), "i32"), (n, 5, 20)], feeds=partial(_feeds, n=n, used=used))
        for n, used in ((1, 6), (3, 9), (1, 0))
    ]
