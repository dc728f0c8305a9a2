"""Every config of the project with parameters, as a graph with random weights and feeds."""

import numpy as np

from workbench import shapes
from workbench.config.parse import parse_config
from workbench.graph import DTYPES
from workbench.paths import configs_dir
from workbench.ports import PORTS, get_port
from workbench.weights import plan_weights

# Configs that are no port's: the parameters that their header names.
OWN = {
    "yolov5n": {"BATCH": 1, "CLASSES": 80, "RE_SIZE": "640,640", "PADS": 0, "ORG_SIZE": "640,640", "CONF_THRES": 0.25,
                "IOU_THRES": 0.45, "COUNT_PER_CLASS": 50, "RESULT_COUNT": 50},
    "inception_resnet_v2": {"BATCH": 1, "SIZE": "299,299", "CLASSES": 1001},
}  # fmt: skip


def all_configs() -> dict[str, dict]:
    """Parameters of every config in configs/, by its name; a port's own, with a batch of 1."""
    found = dict(OWN)
    for part in (part for name in PORTS for part in get_port(name).parts):
        params = dict(part.params)
        if "BATCH_SIZE" in params:
            params["BATCH_SIZE"] = 1
        found[part.config.removesuffix(".cfg")] = params
    missing = {path.stem for path in configs_dir().glob("*.cfg")} - found.keys()
    assert not missing, f"give {missing} parameters in OWN"
    return found


def network(name: str, **params):
    """(graph, weights, feeds): kernels of a size that keeps activations near 1, weights the same for a name."""
    parsed = parse_config(configs_dir() / f"{name}.cfg", {**all_configs()[name], **params})
    parsed.raise_errors()
    graph, rng = parsed.graph, np.random.default_rng(0)
    shapes.infer(graph)
    return graph, random_weights(graph, rng), random_feeds(graph, rng)


def random_weights(graph, rng):
    plan = plan_weights(graph)
    drawn = plan.split(rng.standard_normal(plan.count).astype(np.float32))
    return {node: {letter: _sized(letter, a) for letter, a in w.items()} for node, w in drawn.items()}


def _sized(letter: str, a: np.ndarray) -> np.ndarray:
    if letter == "v":
        return np.abs(a) + np.float32(0.5)
    return a / np.float32(np.sqrt(a[0].size)) if a.ndim > 1 else a * np.float32(0.1)


def random_feeds(graph, rng, batch: int = 1):
    feeds = {}
    for name in graph.inputs:
        spec = graph.specs[name]
        shape = tuple(batch if n == -1 else n for n in spec.shape)
        whole = spec.dtype[0] in "iu"
        feeds[name] = (rng.integers(0, 256, shape) if whole else rng.standard_normal(shape)).astype(DTYPES[spec.dtype])
    return feeds
