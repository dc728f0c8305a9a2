"""relpos: what attention within a window adds to each score, learned by how far apart two places are."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from workbench.errors import WorkbenchError
from workbench.graph import TensorSpec
from workbench.layers.base import Case, Layer, Pair, key, layer


@layer("relpos")
class RelativePosition(Layer):
    """[head, h * w, h * w] from a table [head, h * w]: y[.., i, j] = table[.., |row_i - row_j| * w + |col_i - col_j|].

    Places are counted row by row. To be an [attention]'s mask. (Graham et al. 2021, arXiv:2104.01136; Wu et al. 2022,
    arXiv:2207.10666, whose attention_biases are the table)
    """

    arity = (0, 0)
    head: int = key(doc="attention heads")
    size: Pair = key(doc="h,w of the window")

    @property
    def exact(self) -> bool:
        return True

    def weights(self) -> list[tuple[str, tuple[int, ...]]]:
        return [("w", (self.head, prod(self.size)))]

    def infer(self) -> list[TensorSpec]:
        if min(self.head, *self.size) < 1:
            raise WorkbenchError(f"expected head and size of at least 1; got head={self.head} size={self.size}")
        return [TensorSpec((self.head, prod(self.size), prod(self.size)))]

    def index(self) -> np.ndarray:
        """Which entry of a head's table each pair of places takes."""
        rows, columns = (np.abs(i[:, None] - i) for i in np.indices(self.size).reshape(2, -1))
        return rows * self.size[1] + columns

    def reference(self, torch: Any, w: dict[str, Any]) -> Any:
        return w["w"][:, torch.from_numpy(self.index())]

    def openvino(self, ov: Any, w: dict[str, Any]) -> Any:
        return ov.constant(w["w"][:, self.index()])

    def cuda(self, plan: Any, x: list[Any], w: dict[str, Any]) -> Any:
        return plan.constant(w["w"][:, self.index()])

    CASES = [Case("head=2 size=3", []), Case("head=3 size=2,5", []), Case("head=1 size=4,1 act=tanh", [])]
