"""Batch norm and the other norms: epsilon, axis, kind; biases that are missing or too many."""

from __future__ import annotations

from collections.abc import Iterator

from workbench.diagnose.causes.windows import has
from workbench.diagnose.scene import Scene
from workbench.diagnose.table import Edit, cause
from workbench.graph import Node

EPS = ("1e-5", "1e-3", "1e-6", "1e-12", "1e-4", "1e-8", "1e-2", "1e-7")


@cause("bn_eps", "the usual epsilons, 1e-2 to 1e-12", "conv2d", "conv1d", "deconv2d", "deconv1d", "bn")
def bn_eps(scene: Scene, node: Node) -> Iterator[Edit]:
    if "v" in node.layer.weight_order:  # type: ignore[attr-defined]
        yield from ({"bn_eps": eps} for eps in EPS if float(eps) != node.layer.bn_eps)  # type: ignore[attr-defined]


@cause("norm_eps", "the usual epsilons, 1e-2 to 1e-12", "norm")
def norm_eps(scene: Scene, node: Node) -> Iterator[Edit]:
    yield from ({"eps": eps} for eps in EPS if float(eps) != node.layer.epsilon)  # type: ignore[attr-defined]


@cause("norm_axis", "layer norm over any other axis", "norm")
def norm_axis(scene: Scene, node: Node) -> Iterator[Edit]:
    rank = len(scene.specs[node.inputs[0]].shape)
    yield from ({"axis": str(axis)} for axis in range(1, rank))


@cause("norm_mode", "layer, instance and group norm, and NAFNet's over channels", "norm")
def norm_mode(scene: Scene, node: Node) -> Iterator[Edit]:
    eps = {"eps": f"{node.layer.epsilon:g}"}  # type: ignore[attr-defined]
    yield from ({"mode": mode, **eps} for mode in ("layer", "instance", "nafnet"))
    yield from ({"mode": "group", "group": str(g), **eps} for g in (1, 2, 4, 8, 16, 32))


@cause("bias", "with and without a (the bias)", "conv2d", "conv1d", "deconv2d", "deconv1d", "dense")
def bias(scene: Scene, node: Node) -> Iterator[Edit]:
    order = node.layer.weight_order  # type: ignore[attr-defined]
    yield {"weight_order": order.replace("a", "") if "a" in order else order[:1] + "a" + order[1:]}


@cause("batch_norm", "batch norm folded into w and a, kept as r b m v, without gamma, or none", "conv2d", "conv1d",
       "deconv2d", "deconv1d", "bn")  # fmt: skip
def batch_norm(scene: Scene, node: Node) -> Iterator[Edit]:
    orders = ("rbmv", "bmv", "wa") if node.tag == "bn" else ("wa", "wrbmv", "wbmv", "warbmv", "w")
    yield from ({"weight_order": order} for order in orders)


@cause("norm_weights", "with and without gamma and beta", "norm")
def norm_weights(scene: Scene, node: Node) -> Iterator[Edit]:
    if has(node, "weight_order"):
        yield from ({"weight_order": order} for order in ("rb", "r", "b", ""))
