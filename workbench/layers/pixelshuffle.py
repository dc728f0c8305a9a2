"""pixelshuffle: channels rearranged into space (Shi et al. 2016, arXiv:1609.05158), or back with inverse=1."""

from __future__ import annotations

from typing import Any

from workbench.errors import WorkbenchError
from workbench.graph import TensorSpec
from workbench.layers.base import Case, Layer, key, layer, want_rank


@layer("pixelshuffle")
class PixelShuffle(Layer):
    """torch.nn.PixelShuffle: [n, c·f², h, w] → [n, c, f·h, f·w]; inverse=1 is torch.nn.PixelUnshuffle."""

    factor: int = key(doc="f, how many times larger the map becomes")
    inverse: int = key(0, doc="1: from space into channels")

    @property
    def exact(self) -> bool:
        return True

    def infer(self, x: TensorSpec) -> list[TensorSpec]:
        want_rank(x, 4)
        f, (n, c, high, wide) = self.factor, x.shape
        if f < 1 or (high % f or wide % f if self.inverse else c % (f * f)):
            what = "height and width that divide by" if self.inverse else "channels that divide by the square of"
            raise WorkbenchError(f"expected {what} factor={f}; got {x}")
        shape = (n, c * f * f, high // f, wide // f) if self.inverse else (n, c // (f * f), high * f, wide * f)
        return [TensorSpec(shape, x.dtype)]

    def reference(self, torch: Any, w: dict[str, Any], x: Any) -> Any:
        return (torch.pixel_unshuffle if self.inverse else torch.pixel_shuffle)(x, self.factor)

    def openvino(self, ov: Any, w: dict[str, Any], x: Any) -> Any:
        return (ov.space_to_depth if self.inverse else ov.depth_to_space)(x, "depth_first", self.factor)

    def cuda(self, plan: Any, x: list[Any], w: dict[str, Any]) -> Any:
        f, (n, c, high, wide) = self.factor, x[0].shape
        if self.inverse:
            y = x[0].view((n, c, high // f, f, wide // f, f)).permute((0, 1, 3, 5, 2, 4))
        else:
            y = x[0].view((n, c // (f * f), f, f, high, wide)).permute((0, 1, 4, 2, 5, 3))
        return plan.reshape(y, plan.specs[0].shape)

    CASES = [
        Case("factor=2", [(2, 12, 3, 5)]),
        Case("factor=3", [(1, 9, 4, 1)]),
        Case("factor=2 inverse=1", [(2, 3, 4, 6)]),
        Case("factor=3 inverse=1", [(1, 2, 3, 9)]),
    ]
