"""An original and a config of it: weights in the order of execution, the same picture into both, parts compared."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from workbench.compare.regions import split_regions
from workbench.compare.verdict import error
from workbench.engines.build import load_network
from workbench.engines.reference import evaluate_graph
from workbench.weights import plan_weights

ROOT = Path(os.environ.get("WORKBENCH_SPECIMENS", Path(__file__).parents[3] / "shared" / "specimens"))
needs_specimens = pytest.mark.skipif(not ROOT.is_dir(), reason=f"no specimens in {ROOT}: set WORKBENCH_SPECIMENS")


def randomise(model, seed=0):
    """Statistics and affine parameters of every batch norm drawn, so that none is the identity; eval mode."""
    torch.manual_seed(seed)
    for m in model.modules():
        if isinstance(m, nn.BatchNorm2d):
            nn.init.uniform_(m.weight, 0.7, 1.3)
            nn.init.normal_(m.bias, 0, 0.2)
            nn.init.normal_(m.running_mean, 0, 0.2)
            nn.init.uniform_(m.running_var, 0.5, 1.5)
    return model.eval()


def letters_of(module):
    """The module's tensors by weight letter."""
    if isinstance(module, nn.BatchNorm2d):
        return dict(zip("rbmv", (module.weight, module.bias, module.running_mean, module.running_var), strict=True))
    return {"w": module.weight} | ({} if module.bias is None else {"a": module.bias})


def execute(model, x):
    """The model's result, and its convolutions, dense layers and batch norms with their outputs, as they ran."""
    ran, hooks = [], []
    for m in model.modules():
        if isinstance(m, nn.Conv2d | nn.Linear | nn.BatchNorm2d):
            hooks.append(m.register_forward_hook(lambda m, _, y: ran.append((m, y.numpy().copy()))))
    with torch.inference_mode():
        y = model(x)
    for hook in hooks:
        hook.remove()
    return y, ran


def weights_for(graph, ran):
    """The floats that the config reads, each line's from the next convolution that ran and the batch norm behind it."""
    groups = []
    for m, _ in ran:
        if isinstance(m, nn.BatchNorm2d):
            groups[-1] |= letters_of(m)
        else:
            groups.append(letters_of(m))
    plan = plan_weights(graph)
    lines = list(dict.fromkeys(spec.node.index for spec in plan.stored))
    assert len(lines) == len(groups)
    for letters in groups:  # a gamma of ones is none: wbmv
        if "r" in letters and not any(spec.letter == "r" for spec in plan.stored) and (letters["r"] == 1).all():
            del letters["r"]
    arrays = {(i, letter): t.detach().numpy() for i, g in zip(lines, groups, strict=True) for letter, t in g.items()}
    assert set(arrays) == {(s.node.index, s.letter) for s in plan.stored}, "every tensor is read, and none left over"
    return plan.pack(arrays)


def open_network(config, params, x, model, in_order=list):
    """The config with the model's weights, the model's result, and what ran, sorted as the config has it."""
    y, ran = execute(model, x)
    ran = in_order(ran)
    bare = load_network(config, params, np.empty(0, np.float32))
    return load_network(config, params, weights_for(bare.parsed.graph, ran)), y, ran


def errors(parts, originals):
    """Each part's own error, by name: no part hides behind another's range."""
    return {name: error(parts[name], np.asarray(r)) for name, r in originals.items()}


def assert_agree(parts, originals, limit):
    found = errors(parts, originals)
    assert found and max(found.values()) <= limit, sorted(found.items(), key=lambda e: -e[1])[:5]


def assert_every_tensor_counts(network, feeds, originals, limit, every=1):
    """The comparison itself: with any one tensor zeroed it must fail.

    The whole engine shows it for every n-th tensor; for all of them, what lies between the tensors compared.
    """
    graph = network.parsed.graph
    plan = plan_weights(graph)
    blind = []
    for spec in plan.stored[::every]:
        values = np.array(network.values)
        values[spec.offset : spec.offset + spec.count] = 0
        with type(network)(network.parsed, values).build("openvino", "f32", list(originals), 1) as engine:
            if max(errors(engine.run(feeds), originals).values()) <= limit:
                blind.append(str(spec))
    known, stored = originals | {graph.inputs[0]: feeds}, plan.split(network.values)
    regions = split_regions(graph, originals)
    assert {s.node.index for s in plan.stored} <= {node.index for region in regions for node in region.nodes}
    for region in regions:
        indices = {node.index for node in region.nodes}
        for spec in (s for s in plan.stored if s.node.index in indices):
            letters = stored[spec.node.index]
            changed = stored | {spec.node.index: letters | {spec.letter: np.zeros_like(letters[spec.letter])}}
            inputs = {t: known[t] for t in region.inputs}
            got = evaluate_graph(region.graph(graph), region.weights(changed), inputs, "f32")
            if max(errors(got, {t: originals[t] for t in region.node.outputs}).values()) <= limit:
                blind.append(f"{spec} between compared tensors")
    assert not blind, blind


def picture(n, h, w, seed=0):
    """Smooth random pictures u8 [n, h, w, 3]."""
    noise = np.random.default_rng(seed).uniform(0, 255, (n, 3, h // 4, w // 4)).astype(np.float32)
    smooth = nn.functional.interpolate(torch.from_numpy(noise), (h, w), mode="bilinear")
    return smooth.permute(0, 2, 3, 1).numpy().astype(np.uint8)


def letterboxed(pictures, top, bottom, left, right):
    """What YOLO's loaders make of BGR pictures: padded with 114, RGB, NCHW, 0 to 1."""
    padded = np.pad(pictures, ((0, 0), (top, bottom), (left, right), (0, 0)), constant_values=114)
    return torch.from_numpy(np.ascontiguousarray(padded[..., ::-1].transpose(0, 3, 1, 2))).float() / 255


def quiet_threshold(scores, count):
    """A threshold near the count-th best score, in the widest gap there, so that no score is rounded across it."""
    ranked = np.sort(np.ravel(scores))[::-1][count // 2 : 2 * count]
    widest = int(np.argmax(ranked[:-1] - ranked[1:]))
    return float(ranked[widest] + ranked[widest + 1]) / 2
