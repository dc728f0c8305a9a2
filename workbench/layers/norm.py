"""norm: y = (x - mean) / sqrt(var + eps) * r + b, mean and (biased) variance over the axes that mode names.

Layer norm: Ba et al. 2016, arXiv:1607.06450. Instance norm: Ulyanov et al. 2016, arXiv:1607.08022. Group norm: Wu & He
2018, arXiv:1803.08494. The modes named after a model are the norm of that model.
"""

from __future__ import annotations

from typing import Any

from cuda_ops import norm as kernels
from workbench.errors import WorkbenchError
from workbench.graph import TensorSpec
from workbench.layers.base import FLOATING, Case, Layer, axis_of, key, layer, want_dtype, want_mode

# What eps=0 stands for: the original's own default. PyTorch's is 1e-5, BERT's 1e-12, NAFNet's LayerNorm2d 1e-6;
# vit_b32 is taken as CLIP's (torchvision's has 1e-6).
EPS = {"layer": 1e-5, "bert": 1e-12, "transformer": 1e-5, "swin-transformer": 1e-5, "vit_b32": 1e-5, "palm": 1e-5,
       "nafnet": 1e-6, "instance": 1e-5, "group": 1e-5}  # fmt: skip
UNKNOWN = ("gleanx8", "covidetect", "transpose")
BY_MODE = -2  # the dictionary's default axis


@layer("norm")
class Norm(Layer):
    """Layer norm over the last axis (nafnet: over axis 1), instance norm over all axes after 1, or group norm."""

    mode: str = key(among=(*EPS, *UNKNOWN), doc="which axes are normalised together")
    eps: float = key(0.0, doc="added to the variance; 0: the original's own default")
    weight_order: str = key("", doc="r scale, b shift; left out: neither")
    axis: int = key(BY_MODE, doc="the normalised axis of layer norms; -2 leaves it to the mode")
    group: int = key(0, doc="number of channel groups, for mode=group")

    def weights(self, x: TensorSpec) -> list[tuple[str, tuple[int, ...]]]:
        return [(letter, (x.shape[self.channels(len(x.shape))],)) for letter in self.weight_order]

    def infer(self, x: TensorSpec) -> list[TensorSpec]:
        want_mode(self.mode, *EPS)
        want_dtype(x, *FLOATING)
        if self.weight_order not in ("", "r", "b", "rb", "br"):
            raise WorkbenchError(f"weight_order={self.weight_order}: expected distinct letters of rb")
        if self.channelwise:
            self._want_channels(x)
        elif axis_of(self.channels(len(x.shape)), x) == 0:
            raise WorkbenchError(f"expected an axis after the batch; got axis={self.axis} for {x}")
        return [x]

    def _want_channels(self, x: TensorSpec) -> None:
        if len(x.shape) < 3 - (self.mode == "group"):
            raise WorkbenchError(f"expected a tensor [batch, channel, ...]; got {x}")
        if self.axis != BY_MODE:
            raise WorkbenchError(f"mode={self.mode} takes no axis; got {self.axis}")
        if self.mode == "group" and (self.group < 1 or x.shape[1] % self.group):
            raise WorkbenchError(f"expected a group that divides {x.shape[1]} channels; got {self.group}")

    @property
    def channelwise(self) -> bool:
        """True where r and b run along the channels while statistics are taken over other axes too."""
        return self.mode in ("instance", "group")

    @property
    def epsilon(self) -> float:
        return self.eps or EPS[self.mode]

    def channels(self, rank: int) -> int:
        """The axis along which r and b run: of layer norms, the one they normalise."""
        if self.channelwise or (self.mode == "nafnet" and self.axis == BY_MODE):
            return 1
        return rank - 1 if self.axis == BY_MODE else self.axis % rank

    def normalised(self, rank: int) -> list[int]:
        return list(range(2, rank)) if self.mode == "instance" else [self.channels(rank)]

    def reference(self, torch: Any, w: dict[str, Any], x: Any) -> Any:
        rank = len(x.shape)
        grouped = x.reshape(x.shape[0], self.group, -1) if self.mode == "group" else x
        axes = [2] if self.mode == "group" else self.normalised(rank)
        centred = grouped - grouped.mean(axes, keepdim=True)
        y = centred / torch.sqrt((centred * centred).mean(axes, keepdim=True) + self.epsilon)
        w = {letter: value.reshape(self._across(rank)) for letter, value in w.items()}
        y = y.reshape(x.shape) * w["r"] if "r" in w else y.reshape(x.shape)
        return y + w["b"] if "b" in w else y

    def openvino(self, ov: Any, w: dict[str, Any], x: Any) -> Any:
        shape = x.get_partial_shape()
        grouped, axes = x, self.normalised(len(shape))
        if self.mode == "group":
            grouped, axes = ov.reshape(x, [0, self.group, -1], special_zero=True).output(0), [2]
        y = ov.mvn(grouped, ov.constant(axes), True, self.epsilon, "inside_sqrt")
        if self.mode == "group":
            y = ov.reshape(y, [0, *[d.get_length() for d in list(shape)[1:]]], special_zero=True)
        across = self._across(len(shape))
        y = ov.multiply(y, w["r"].reshape(across)) if "r" in w else y
        return ov.add(y, w["b"].reshape(across)) if "b" in w else y

    def _across(self, rank: int) -> list[int]:
        return [-1 if axis == self.channels(rank) else 1 for axis in range(rank)]

    def cuda(self, plan: Any, x: list[Any], w: dict[str, Any]) -> Any:
        y, gamma, beta = plan.output(), w.get("r"), w.get("b")
        args = (x[0], gamma, beta, y, y.shape)
        if self.channelwise:
            groups = self.group if self.mode == "group" else y.shape[1]
            return plan.run(kernels.group_norm(*args, groups, self.epsilon, plan.take_act()), y)
        axis = self.channels(len(y.shape))
        return plan.run(kernels.layer_norm(*args, axis, self.epsilon, plan.take_act()), y)

    CASES = [
        *[Case(f"mode={mode} weight_order=rb", [(2, 3, 4, 5)]) for mode in EPS if mode != "group"],
        Case("mode=layer weight_order=r eps=1e-3", [(2, 7)]),
        Case("mode=transformer weight_order=br", [(2, 3, 5)]),
        Case("mode=layer axis=1 weight_order=b", [(2, 6, 3)]),
        Case("mode=instance eps=1e-3", [(2, 3, 5)]),
        Case("mode=group group=3 weight_order=rb", [(2, 6, 3, 5)]),
        Case("mode=group group=2", [(2, 6)]),
    ]
