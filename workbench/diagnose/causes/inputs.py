"""The line reads another tensor than the original does."""

from __future__ import annotations

from collections.abc import Iterator

from workbench.diagnose.scene import Scene
from workbench.diagnose.table import Edit, cause
from workbench.graph import Node

NEAREST = 40  # tensors above the line that are tried in each input's place


@cause("wrong_input", "the nearest 40 earlier tensors in the place of each input")
def wrong_input(scene: Scene, node: Node) -> Iterator[Edit]:
    above = [t for t in reversed(list(scene.tensors)) if t not in node.outputs and "~" not in t]
    shape = {t: scene.specs[t].shape for t in (*above, *node.inputs)}
    for i, name in enumerate(node.inputs):
        same = [t for t in above if t != name and shape[t] == shape[name]]
        rest = [t for t in above if t != name and shape[t] != shape[name] and len(shape[t]) == len(shape[name])]
        for other in (same + rest)[:NEAREST]:
            changed = (*node.inputs[:i], other, *node.inputs[i + 1 :])
            if not (node.tag == "concat" and sorted(changed) == sorted(node.inputs)):
                yield {"input": ",".join(changed)}
