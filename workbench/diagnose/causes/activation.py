"""A missing, superfluous or other activation, and its parameters."""

from __future__ import annotations

from collections.abc import Iterator

from workbench.diagnose.scene import Scene
from workbench.diagnose.table import Edit, cause
from workbench.graph import Node
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


@cause("act_alpha", "usual slopes of leaky, elu and hard_sigmoid")
def alpha(scene: Scene, node: Node) -> Iterator[Edit]:
    for value in ALPHAS.get(node.act.name, ()):
        if node.act.alpha is None or float(value) != node.act.alpha:
            yield {"act_alpha": value}
