"""attention: y = softmax(scale · q kᵀ + mask) v (Vaswani et al. 2017, arXiv:1706.03762)."""

from __future__ import annotations

import math
from typing import Any

from cuda_ops import attention as kernels
from cuda_ops import softmax as rows
from cuda_ops.elementwise import Step
from cuda_ops.launch import IDENTITY
from cuda_ops.matmul import Matrix
from workbench.errors import WorkbenchError
from workbench.graph import TensorSpec
from workbench.layers.base import FLOATING, Case, Layer, key, layer, want_dtype, want_rank
from workbench.layers.products import batched


@layer("attention")
class Attention(Layer):
    """Scaled dot product attention of the inputs q, k, v and perhaps a mask.

    Three axes [batch, time, head · d] are split into heads and joined again; four axes [batch, head, time, d] are taken
    as they are. The mask is added to scale · q kᵀ [batch, head, time of q, time of k] and broadcasts to it; a boolean
    one keeps where true.
    """

    arity = (3, 4)
    head: int = key(1, doc="heads in the last axis of three")
    scale: float = key(0.0, doc="factor of q kᵀ; 0: 1 / sqrt(d)")

    def infer(self, *x: TensorSpec) -> list[TensorSpec]:
        q, k, v = x[:3]
        for t in (q, k, v):
            want_rank(t, len(q.shape) if len(q.shape) == 4 else 3)
            want_dtype(t, *FLOATING)
        heads = self._heads(q, k, v)
        if q.shape[:-2] != k.shape[:-2] or (*k.shape[:-1], q.shape[-1]) != (*v.shape[:-1], k.shape[-1]):
            raise WorkbenchError(f"expected q [.., tq, d], k [.., tk, d] and v [.., tk, e]; got {q}, {k}, {v}")
        for mask in x[3:]:
            self._want_mask(mask, (q.shape[0], heads, q.shape[-2], k.shape[-2]))
        return [TensorSpec((*q.shape[:-1], v.shape[-1]))]

    def _heads(self, q: TensorSpec, k: TensorSpec, v: TensorSpec) -> int:
        if len(q.shape) == 4:
            if self.head != 1:
                raise WorkbenchError(f"head={self.head}: {q} is split into heads already", note="leave head out")
            return q.shape[1]
        if self.head < 1 or any(t.shape[-1] % self.head for t in (q, k, v)):
            raise WorkbenchError(f"expected features that divide by head={self.head}; got {q}, {k}, {v}")
        return self.head

    def _want_mask(self, mask: TensorSpec, scores: tuple[int, ...]) -> None:
        want_dtype(mask, *FLOATING, "bool")
        tail = scores[len(scores) - len(mask.shape) :]
        if len(mask.shape) > 4 or any(m not in (1, s) for m, s in zip(mask.shape, tail, strict=True)):
            raise WorkbenchError(f"expected a mask that broadcasts to {TensorSpec(scores)}; got {mask}")

    def factor(self, features: int) -> float:
        return self.scale or 1.0 / math.sqrt(features)

    def flops(self, *x: TensorSpec) -> int:
        """Both products; the softmax between them is little beside these."""
        q, k, v = x[:3]
        pairs = math.prod(abs(n) for n in q.shape[:-1]) * k.shape[-2]
        return 2 * pairs * (q.shape[-1] + v.shape[-1])

    def reference(self, torch: Any, w: dict[str, Any], *x: Any) -> Any:
        q, k, v = (t if t.dim() == 4 else t.reshape(*t.shape[:2], self.head, -1).transpose(1, 2) for t in x[:3])
        scores = (q * self.factor(q.shape[-1])) @ k.transpose(2, 3)
        for mask in x[3:]:
            scores = scores.masked_fill(~mask, float("-inf")) if mask.dtype == torch.bool else scores + mask
        y = torch.softmax(scores, -1) @ v
        return y if x[0].dim() == 4 else y.transpose(1, 2).flatten(2)

    def openvino(self, ov: Any, w: dict[str, Any], *x: Any) -> Any:
        # On the CPU, matmul and softmax are as fast as the fused operator, and 1.4 times faster over small windows.
        q, k, v = (self._split(ov, t) for t in x[:3])
        features = q.get_partial_shape()[3].get_length()
        kind = q.get_element_type()
        q = ov.multiply(q, ov.constant(self.factor(features), kind))
        scores = ov.matmul(q, k, False, True)
        for mask in x[3:]:
            if mask.get_element_type().to_string() == "boolean":
                mask = ov.select(mask, ov.constant(0.0, kind), ov.constant(-math.inf, kind))
            scores = ov.add(scores, mask)
        y = ov.matmul(ov.softmax(scores, -1), v, False, False)
        if len(x[0].get_partial_shape()) == 4:
            return y
        joined = self.head * v.get_partial_shape()[3].get_length()
        return ov.reshape(ov.transpose(y, [0, 2, 1, 3]), [0, 0, joined], special_zero=True)

    def _split(self, ov: Any, t: Any) -> Any:
        """[batch, time, head · d] → [batch, head, time, d]."""
        shape = t.get_partial_shape()
        if len(shape) == 4:
            return t
        each = shape[2].get_length() // self.head
        return ov.transpose(ov.reshape(t, [0, 0, self.head, each], special_zero=True), [0, 2, 1, 3]).output(0)

    strided = True

    def cuda(self, plan: Any, x: list[Any], w: dict[str, Any]) -> Any:
        y = plan.output()
        q, k, v, given = (self._heads_apart(plan, t) for t in (*x[:3], y))
        shape = (*q.shape[:3], k.shape[2])
        mask = [self._cuda_mask(plan, t) for t in x[3:]]
        scale = self.factor(q.shape[3])
        a = kernels.Attention(q.shape[:2], q.shape[2], k.shape[2], q.shape[3], v.shape[3], scale)
        if a.fused:
            seen = [t.expand(shape) for t in mask]
            added = [(t, _steps(t), t.strides[3]) for t in seen]
            laid = [(t, _steps(t)) for t in (q, k, v, given)]
            launch = kernels.attention(a, laid[0], laid[1], laid[2], laid[3], added[0] if added else None)
            return plan.run(launch, y)
        scores = batched(plan, q, k.permute((0, 1, 3, 2)), plan.tensor(shape), scale, act=IDENTITY)
        for t in mask:
            scores = plan.chain([Step("add", "b")], [scores, t], plan.tensor(shape))
        shares = plan.run(rows.softmax(scores, soft := plan.tensor(shape), shape, -1), soft)
        batched(plan, shares, v, given)
        return y

    def _heads_apart(self, plan: Any, t: Any) -> Any:
        """[batch, time, head · d] seen as [batch, head, time, d], features without gaps."""
        if t.strides[-1] != 1:
            t = plan.packed(t)
        if len(t.shape) == 4:
            return t
        batch, time, features = t.shape
        each = features // self.head
        return t.as_strided((batch, self.head, time, each), (t.strides[0], each, t.strides[1], 1))

    def _cuda_mask(self, plan: Any, mask: Any) -> Any:
        """What is added to the scores; the logarithm of a boolean one: 0 where true, else minus infinity."""
        if mask.dtype != "bool":
            return mask
        kept = plan.cast(mask)
        return plan.chain(["log"], [kept], plan.tensor(kept.shape))

    CASES = [
        Case("head=2", [(2, 5, 8), (2, 7, 8), (2, 7, 6)]),
        Case("", [(2, 5, 3)] * 3),
        Case("scale=0.3", [(2, 3, 5, 4), (2, 3, 6, 4), (2, 3, 6, 2)]),
        Case("head=3", [(2, 5, 9), (2, 4, 9), (2, 4, 9), (2, 3, 5, 4)]),
        Case("head=3", [(2, 5, 9), (2, 4, 9), (2, 4, 9), (5, 4)]),
        Case("head=2", [(2, 5, 6), (2, 7, 6), (2, 7, 6), TensorSpec((2, 1, 5, 7), "bool")]),
    ]


def _steps(t: Any) -> Matrix:
    """How a tensor [batch, head, time, d] lies."""
    return Matrix(t.strides[2], t.strides[0], t.strides[1])
