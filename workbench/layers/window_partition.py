"""window: a map cut into the square windows within which Swin and TinyViT attend, and put together again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cuda_ops import copy as kernels
from workbench.errors import WorkbenchError
from workbench.graph import TensorSpec
from workbench.layers.base import Case, Ints, Layer, Pair, key, layer, want_rank


@layer("window")
class WindowPartition(Layer):
    """partition: NHWC, or tokens [n, h*w, c] with `shape`, → [n * windows, size*size, c], row by row of windows.

    h and w are first padded with zeros, at the bottom and right, to multiples of the size. merge is the way back: to
    NHWC with h,w of `shape`, the padding cut off. (Liu et al. 2021, arXiv:2103.14030.)
    """

    mode: str = key(among=("partition", "merge"), doc="cut, or put together")
    size: Pair = key(doc="h,w of a window")
    shape: Ints = key(Ints(), doc="h,w of the whole map; needed for tokens and for merge")

    @property
    def exact(self) -> bool:
        return True

    def infer(self, x: TensorSpec) -> list[TensorSpec]:
        want_rank(x, *((3, 4) if self.mode == "partition" else (3,)))
        whole = self.shape or x.shape[1:3]
        if min(self.size) < 1 or len(whole) != 2 or min(whole) < 1 or (len(x.shape) == 3 and not self.shape):
            raise WorkbenchError(f"expected positive size=h,w and shape=h,w; got size={self.size}, shape={self.shape}")
        (h, w), (rows, columns) = self.sizes(x.shape)
        n, *rest, channels = x.shape
        windows, area = rows * columns, self.size[0] * self.size[1]
        if self.mode == "partition":
            if rest not in ([h, w], [h * w]):
                raise WorkbenchError(f"expected [n, {h}, {w}, c] or [n, {h * w}, c] for shape={self.shape}; got {x}")
            return [TensorSpec((n if n == -1 else n * windows, area, channels), x.dtype)]
        if rest != [area] or (n != -1 and n % windows):
            raise WorkbenchError(
                f"expected [n * {windows}, {area}, c] for shape={self.shape} size={self.size}; got {x}"
            )
        return [TensorSpec((n if n == -1 else n // windows, h, w, channels), x.dtype)]

    def sizes(self, shape: Sequence[int]) -> tuple[tuple[int, int], tuple[int, int]]:
        """h,w of the map and how many windows stand along each."""
        h, w = self.shape or shape[1:3]
        return (h, w), (-(-h // self.size[0]), -(-w // self.size[1]))

    def reference(self, torch: Any, w: dict[str, Any], x: Any) -> Any:
        (h, wide), (rows, columns) = self.sizes(x.shape)
        (high, broad), channels = self.size, x.shape[-1]
        if self.mode == "partition":
            x = x.reshape(-1, h, wide, channels)
            x = torch.nn.functional.pad(x, (0, 0, 0, columns * broad - wide, 0, rows * high - h))
            x = x.reshape(-1, rows, high, columns, broad, channels).transpose(2, 3)
            return x.reshape(-1, high * broad, channels)
        x = x.reshape(-1, rows, columns, high, broad, channels).transpose(2, 3)
        return x.reshape(-1, rows * high, columns * broad, channels)[:, :h, :wide]

    def openvino(self, ov: Any, w: dict[str, Any], x: Any) -> Any:
        shape = [d.get_length() if d.is_static else -1 for d in x.get_partial_shape()]
        (h, wide), (rows, columns) = self.sizes(shape)
        (high, broad), channels = self.size, shape[-1]
        padded = [rows * high, columns * broad]
        if self.mode == "partition":
            if len(shape) == 3 and padded != [h, wide]:
                x = ov.reshape(x, [-1, h, wide, channels], False)
            if padded != [h, wide]:
                x = ov.pad(
                    x,
                    [0, 0, 0, 0],
                    [0, padded[0] - h, padded[1] - wide, 0],
                    "constant",
                    ov.constant(0, x.get_element_type()),
                )
            x = self.swap(ov, x, columns, [rows, high, columns, broad, channels])
            return ov.reshape(x, [-1, high * broad, channels], False)
        x = self.swap(ov, x, columns, [rows, columns, high, broad, channels])
        x = ov.reshape(x, [-1, *padded, channels], False)
        return x if padded == [h, wide] else ov.slice(x, [0, 0], [h, wide], [1, 1], [1, 2])

    def swap(self, ov: Any, x: Any, columns: int, shape: list[int]) -> Any:
        """Rows within a window and windows along a row change places: the one copy; a single column needs none."""
        return x if columns == 1 else ov.transpose(ov.reshape(x, [-1, *shape], False), [0, 1, 3, 2, 4, 5])

    def cuda(self, plan: Any, x: list[Any], w: dict[str, Any]) -> Any:
        (h, wide), (rows, columns) = self.sizes(x[0].shape)
        (high, broad), channels = self.size, x[0].shape[-1]
        padded = (-1, rows * high, columns * broad, channels)
        if self.mode == "merge":
            n = plan.specs[0].shape[0]
            cut = x[0].view((n, rows, columns, high, broad, channels)).permute((0, 1, 3, 2, 4, 5))
            return plan.reshape(cut, (n, *padded[1:])).narrow(1, 0, h).narrow(2, 0, wide)
        whole = x[0].view((x[0].shape[0], h, wide, channels))
        if padded[1:3] != (h, wide):
            larger = plan.tensor((whole.shape[0], *padded[1:]), whole.dtype)
            plan.run(kernels.fill(larger, 0.0, larger.count), larger)
            plan.copy(whole, larger.narrow(1, 0, h).narrow(2, 0, wide))
            whole = larger
        cut = whole.view((whole.shape[0], rows, high, columns, broad, channels)).permute((0, 1, 3, 2, 4, 5))
        return plan.reshape(cut, plan.specs[0].shape)

    CASES = [
        Case("mode=partition size=7", [(2, 14, 21, 3)]),
        Case("mode=partition size=3,2", [(2, 7, 5, 4)]),
        Case("mode=partition size=4 shape=7,5", [(2, 35, 3)]),
        Case("mode=partition size=7 act=relu", [(2, 7, 7, 3)]),
        Case("mode=partition size=2,5", [TensorSpec((2, 3, 5, 3), "i32")]),
        Case("mode=merge size=7 shape=14,21", [(12, 49, 3)]),
        Case("mode=merge size=3,2 shape=7,5", [(18, 6, 4)]),
        Case("mode=merge size=4 shape=7,3", [(4, 16, 3)]),
        Case("mode=merge size=7 shape=7,7", [(2, 49, 3)]),
    ]
