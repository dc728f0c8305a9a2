"""lstm: long short-term memory over a sequence (Hochreiter & Schmidhuber 1997, doi:10.1162/neco.1997.9.8.1735).

i, f, o = sigmoid and g = tanh of their rows of W x + b + R h + c; cell = f * cell + i * g; h = o * tanh(cell).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from cuda_ops import lstm as kernels
from cuda_ops import matmul as products
from workbench.errors import WorkbenchError
from workbench.graph import TensorSpec
from workbench.layers.base import FLOATING, Case, Layer, key, layer, want_dtype, want_rank

OPENVINO_GATES = [1, 0, 2, 3]  # it holds f, i, g, o; PyTorch i, f, g, o

KINDS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
MOST_LAYERS = 1000  # each has eight tensors or more, that many names


@layer("lstm")
class LSTM(Layer):
    """torch.nn.LSTM(batch_first=True) from a zero state: [batch, time, c] → [batch, time, hiddens · directions].

    Weights in PyTorch's own order and under its own names: per layer and direction weight_ih [4·hiddens, in], weight_hh
    [4·hiddens, hiddens], bias_ih and bias_hh [4·hiddens].
    """

    layer_counts: int = key(doc="stacked layers")
    hiddens: int = key(doc="features of the state")
    direction: str = key(among=("unidirection", "bidirection"), doc="bidirection: also from the end, concatenated")

    @property
    def suffixes(self) -> tuple[str, ...]:
        """PyTorch's name endings of the directions."""
        return ("", "_reverse") if self.direction == "bidirection" else ("",)

    def weights(self, x: TensorSpec) -> list[tuple[str, tuple[int, ...]]]:
        gates, pairs = 4 * self.hiddens, []
        for i in range(self.layer_counts):
            features = x.shape[2] if i == 0 else self.hiddens * len(self.suffixes)
            for end in self.suffixes:
                pairs += [(f"weight_ih_l{i}{end}", (gates, features)), (f"weight_hh_l{i}{end}", (gates, self.hiddens)),
                          (f"bias_ih_l{i}{end}", (gates,)), (f"bias_hh_l{i}{end}", (gates,))]  # fmt: skip
        return pairs

    def infer(self, x: TensorSpec) -> list[TensorSpec]:
        want_rank(x, 3)
        want_dtype(x, *FLOATING)
        if not 1 <= self.layer_counts <= MOST_LAYERS or self.hiddens < 1:
            raise WorkbenchError(f"expected layer_counts from 1 to {MOST_LAYERS} and hiddens above 0; "
                                 f"got {self.layer_counts}, {self.hiddens}")  # fmt: skip
        return [TensorSpec((*x.shape[:2], self.hiddens * len(self.suffixes)))]

    def flops(self, *x: TensorSpec) -> int:
        """Every step multiplies with all matrices; the gates are little beside these."""
        steps = math.prod(abs(n) for n in x[0].shape[:2])
        return 2 * steps * sum(math.prod(shape) for _, shape in self.weights(*x) if len(shape) == 2)

    def reference(self, torch: Any, w: dict[str, Any], x: Any) -> Any:
        zero = x.new_zeros(self.layer_counts * len(self.suffixes), x.shape[0], self.hiddens)
        both, batch_first = len(self.suffixes) == 2, True
        return torch.lstm(x, (zero, zero), list(w.values()), True, self.layer_counts, 0.0, False, both, batch_first)[0]

    def openvino(self, ov: Any, w: dict[str, Any], x: Any) -> Any:
        time = list(x.get_partial_shape())[1].get_length()
        batch = ov.gather(ov.shape_of(x), np.array([0]), 0)
        directions = len(self.suffixes)
        zero = ov.broadcast(np.float32(0), ov.concat([batch, np.array([directions, self.hiddens])], 0))
        lengths = ov.broadcast(np.int64(time), batch)
        direction = "bidirectional" if directions == 2 else "forward"
        for i in range(self.layer_counts):
            w_ih, w_hh, b_ih, b_hh = (
                np.stack([self._gates(w[f"{name}_l{i}{end}"]) for end in self.suffixes])
                for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
            )
            y = ov.lstm_sequence(x, zero, zero, lengths, w_ih, w_hh, b_ih + b_hh, self.hiddens, direction)
            y = ov.transpose(y.output(0), [0, 2, 1, 3])  # [batch, time, direction, hidden]
            x = ov.reshape(y, [0, time, directions * self.hiddens], special_zero=True)
        return x

    def _gates(self, a: np.ndarray) -> np.ndarray:
        return a.reshape(4, self.hiddens, *a.shape[1:])[OPENVINO_GATES].reshape(a.shape)

    def cuda(self, plan: Any, x: list[Any], w: dict[str, Any]) -> Any:
        y = x[0]
        for i in range(self.layer_counts):
            given = plan.output() if i == self.layer_counts - 1 else plan.tensor(plan.specs[0].shape)
            for j, end in enumerate(self.suffixes):
                mine = given.narrow(2, j * self.hiddens, self.hiddens)
                self._direction(plan, y, mine, [w[f"{kind}_l{i}{end}"] for kind in KINDS], bool(end))
            y = given
        return y

    def _direction(self, plan: Any, x: Any, y: Any, weights: list[Any], reverse: bool) -> None:
        """One layer in one direction: all inputs' products at once, then step after step."""
        (batch, time, features), gates = x.shape, 4 * self.hiddens
        w_ih, w_hh = (plan.constant(m) for m in weights[:2])
        from_x = plan.tensor((batch, time, gates))
        bias = (weights[2] + weights[3]).astype(np.float32)
        plan.run(products.dense(batch * time, gates, features, x, w_ih, bias, from_x), from_x)
        cell, before = plan.tensor((batch, self.hiddens), "f32"), None
        for t in reversed(range(time)) if reverse else range(time):
            here, from_h = y.narrow(1, t, 1), None
            if before is not None:
                from_h = plan.tensor((batch, gates))
                side = (w_hh, products.Matrix(self.hiddens, transposed=True))
                last = (before, products.Matrix(before.strides[0]))
                shape = (batch, gates, self.hiddens)
                plan.run(products.matmul(*shape, last, side, (from_h, products.Matrix(gates))), from_h)
            step = (from_x.narrow(1, t, 1), from_h, cell, here)
            plan.run(kernels.lstm_cell(*step, batch, self.hiddens, from_x.strides[0], y.strides[0]), cell, here)
            before = here

    CASES = [
        Case("layer_counts=1 hiddens=5 direction=unidirection", [(2, 7, 3)]),
        Case("layer_counts=2 hiddens=4 direction=bidirection", [(2, 5, 3)]),
        Case("layer_counts=3 hiddens=2 direction=unidirection", [(1, 1, 6)]),
    ]
