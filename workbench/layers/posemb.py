"""posemb: y = x + p, p one embedding for every position."""

from __future__ import annotations

from typing import Any

import numpy as np

from cuda_ops.elementwise import Step
from workbench.errors import WorkbenchError
from workbench.graph import TensorSpec
from workbench.layers.base import FLOATING, Case, Layer, key, layer, want_dtype, want_mode

KNOWN = ("learned", "sinusoidal")


@layer("posemb")
class PositionEmbedding(Layer):
    """learned: p is a weight of x's shape without the batch (or the first rows of a longer one).

    sinusoidal: p[t, 2i] = sin(t / 10000^(2i/d)), p[t, 2i+1] = cos(same) over the last two axes [time, d]
    (Vaswani et al. 2017, arXiv:1706.03762).
    """

    mode: str = key(among=("fastspeech", *KNOWN), doc="where p comes from")
    emb_len: int = key(384, doc="of mode=fastspeech; the others take it from x")
    rows: int = key(0, doc="positions in the learned table, where it has more than x")

    def weights(self, x: TensorSpec) -> list[tuple[str, tuple[int, ...]]]:
        return [("w", (self.rows or x.shape[1], *x.shape[2:]))] if self.mode == "learned" else []

    def infer(self, x: TensorSpec) -> list[TensorSpec]:
        want_mode(self.mode, *KNOWN)
        want_dtype(x, *FLOATING)
        if len(x.shape) < 2 + (self.mode == "sinusoidal"):
            raise WorkbenchError(f"expected a tensor [batch, time, features]; got {x}")
        if self.rows and self.rows < x.shape[1]:
            raise WorkbenchError(f"expected at least {x.shape[1]} rows for {x}; got {self.rows}")
        return [x]

    def reference(self, torch: Any, w: dict[str, Any], x: Any) -> Any:
        if self.mode == "learned":
            return x + w["w"][: x.shape[1]]
        return x + torch.from_numpy(sinusoids(*x.shape[-2:])).to(x.dtype)

    def openvino(self, ov: Any, w: dict[str, Any], x: Any) -> Any:
        shape = list(x.get_partial_shape())
        if self.mode == "learned":
            p = w["w"][: shape[1].get_length()]
        else:
            p = sinusoids(*(d.get_length() for d in shape[-2:])).astype(np.float32)
        return ov.add(x, p[None])

    def cuda(self, plan: Any, x: list[Any], w: dict[str, Any]) -> Any:
        shape = x[0].shape
        p = w["w"][: shape[1]] if self.mode == "learned" else sinusoids(*shape[-2:])
        return plan.chain([Step("add", "b")], [x[0], plan.constant(p)])

    CASES = [
        Case("mode=learned", [(2, 5, 4)]),
        Case("mode=learned", [(2, 3, 4, 5)]),
        Case("mode=learned rows=9", [(2, 5, 4)]),
        Case("mode=sinusoidal", [(2, 7, 6)]),
        Case("mode=sinusoidal", [(1, 3, 4, 5)]),
    ]


def sinusoids(time: int, features: int) -> np.ndarray:
    """float64 [time, features], sines at even features, cosines at odd ones."""
    even = np.arange(features) // 2 * 2
    angle = np.arange(time)[:, None] / 10000.0 ** (even / features)
    return np.where(np.arange(features) % 2 == 0, np.sin(angle), np.cos(angle))
