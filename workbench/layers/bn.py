"""bn: y = (w * x + a - m) * r / sqrt(v + bn_eps) + b per channel; what weight_order leaves out has no effect."""

from __future__ import annotations

from typing import Any

from cuda_ops import norm as kernels
from workbench.errors import WorkbenchError
from workbench.graph import TensorSpec
from workbench.layers.base import FLOATING, Case, Layer, key, layer, want_dtype
from workbench.layers.batchnorm import fold, require_order


@layer("bn")
class BatchNorm(Layer):
    """Batch norm at inference over axis 1; weight_order=rbmv is torch.nn.BatchNorm, wa a plain scale and shift."""

    weight_order: str = key("wa", doc="w scale, a shift, r b m v batch norm (rbmv as PyTorch orders them)")
    bn_eps: float = key(1e-5, doc="added to the running variance")

    def weights(self, x: TensorSpec) -> list[tuple[str, tuple[int, ...]]]:
        return [(letter, (x.shape[1],)) for letter in self.weight_order]

    def infer(self, x: TensorSpec) -> list[TensorSpec]:
        want_dtype(x, *FLOATING)
        require_order(self.weight_order, needs="")
        if len(x.shape) < 2 or not self.weight_order:
            raise WorkbenchError(f"expected a channel axis and a weight_order; got {x} and '{self.weight_order}'")
        return [x]

    def reference(self, torch: Any, w: dict[str, Any], x: Any) -> Any:
        return self._apply(w, len(x.shape), lambda gain: x * gain, lambda y, shift: y + shift)

    def openvino(self, ov: Any, w: dict[str, Any], x: Any) -> Any:
        rank = len(x.get_partial_shape())
        return self._apply(w, rank, lambda gain: ov.multiply(x, gain), lambda y, shift: ov.add(y, shift))

    def _apply(self, w: dict[str, Any], rank: int, scaled: Any, shifted: Any) -> Any:
        ones = next(iter(w.values())) ** 0
        gain, shift = fold({"w": ones, **w}, self.bn_eps)
        across = (1, -1, *[1] * (rank - 2))
        y = scaled(gain.reshape(across))
        return y if shift is None else shifted(y, shift.reshape(across))

    def cuda(self, plan: Any, x: list[Any], w: dict[str, Any]) -> Any:
        gain, shift = fold({"w": next(iter(w.values())) ** 0, **w}, self.bn_eps)
        y = plan.output()
        return plan.run(kernels.affine(x[0], gain, shift, y, y.shape, plan.take_act()), y)

    CASES = [
        Case("weight_order=rbmv", [(2, 5, 3, 4)]),
        Case("weight_order=bmv bn_eps=1e-3", [(2, 5, 7)]),
        Case("", [(2, 5)]),
        Case("weight_order=warbmv", [(1, 4, 3, 3)]),
        Case("weight_order=w", [(1, 4, 3, 3)]),
    ]
