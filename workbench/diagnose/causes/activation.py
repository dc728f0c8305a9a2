"""A missing, superfluous or other activation, and its parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from workbench.diagnose.causes.numbers import number
from workbench.diagnose.scene import Scene
from workbench.diagnose.table import Edit, cause
from workbench.graph import Act, Node
from workbench.layers.activation import ACTS

SAME = {"linear": "identity", "swish": "silu"}  # two words for one function
ALPHAS = {
    "leaky": ("0.01", "0.1", "0.2", "0.3", "0.25", "0.05"),
    "elu": ("1", "0.5", "0.1", "0.2"),
    "hard_sigmoid": ("0.2",),
}


@cause("activation", "every act= there is, and none; the GELU of erf against that of tanh among them")
def other(scene: Scene, node: Node) -> Iterator[Edit]:
    if node.act.alpha is not None:  # what is there belongs to a word that was left out
        yield from ({"act": name} for name in ALPHAS if name != node.act.name)
    for name in ACTS:
        if name not in SAME and name != SAME.get(node.act.name, node.act.name):
            yield {"act": name} | {
                f"act_{k}": None for k in ("alpha", "beta") if getattr(node.act, k) is not None and name != "clip"
            }
    for name, values in ALPHAS.items():
        if name != node.act.name:
            yield from ({"act": name, "act_alpha": value} for value in values[1:])


@cause("act_alpha", "alpha and beta solved for: the least squares of leaky, elu and hard_sigmoid, the bounds of clip; "
       "usual slopes")  # fmt: skip
def alpha(scene: Scene, node: Node) -> Iterator[Edit]:
    if node is scene.node and (name := node.act.name) in SOLVED:
        x = scene.values((replace(node, act=Act()),))[node.outputs[0]]
        keys = ("act_alpha", "act_beta")
        solved = SOLVED[name](np.asarray(x, np.float64), np.asarray(scene.want[node.outputs[0]], np.float64))
        found = {k: number(v) for k, v in zip(keys, solved, strict=False)}
        yield from ({k: v} for k, v in found.items())
        yield found
    for value in ALPHAS.get(node.act.name, ()):
        if node.act.alpha is None or float(value) != node.act.alpha:
            yield {"act_alpha": value}


def _slope(x: np.ndarray, y: np.ndarray) -> tuple[float, ...]:
    return (float(np.dot(x, y) / np.dot(x, x)),)


def _inner(x: np.ndarray, y: np.ndarray) -> tuple[float, ...]:
    inside = (y > 0) & (y < 1)
    return tuple(map(float, np.polyfit(x[inside], y[inside], 1)))


# From the input x and output y of an activation, its alpha (and beta).
SOLVED: dict[str, Callable[[np.ndarray, np.ndarray], tuple[float, ...]]] = {
    "leaky": lambda x, y: _slope(x[x < 0], y[x < 0]),
    "elu": lambda x, y: _slope(np.expm1(x[x < 0]), y[x < 0]),
    "hard_sigmoid": _inner,
    "clip": lambda x, y: (float(y.min()), float(y.max())),
}
