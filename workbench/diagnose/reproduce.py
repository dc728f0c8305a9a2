"""A minimal reproduction: one line of a config with its weights, its inputs and what the original gives."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from workbench.atomic import write_atomically, write_text
from workbench.compare.regions import Region
from workbench.config.parse import parse_config
from workbench.config.write import write
from workbench.engines.base import Weights
from workbench.errors import WorkbenchError
from workbench.graph import Graph
from workbench.weights import plan_weights, write_weights

RUN = '''\
"""The line of line.cfg alone, fed with the original's own tensors. `python run.py [ENGINE]`, which needs no PyTorch,
prints how far each output is from the original's; it ends with 1 where that is more than allowed."""

import json
import sys
from pathlib import Path

import numpy as np

from workbench import build_engine
from workbench.compare.verdict import error

here = Path(__file__).resolve().parent
about = json.loads((here / "about.json").read_text())
engine = sys.argv[1] if len(sys.argv) > 1 else about["engine"]
feeds = {path.stem: np.load(path) for path in (here / "inputs").glob("*.npy")}
with build_engine(
    here / "line.cfg", weights=here / "line.weights", engine=engine, precision=about["precision"]
) as built:
    outputs = built.run(feeds, check=False)
wrong = False
for path in sorted((here / "expected").glob("*.npy")):
    found = error(outputs[path.stem], np.load(path))
    wrong |= not found <= about["allowed"]
    print(f"{path.stem}: error {found:.2g}, {about['allowed']:.2g} allowed, on {engine}")
sys.exit(int(wrong))
'''


def write_reproduction(
    folder: str | Path,
    graph: Graph,
    region: Region,
    weights: Weights,
    tensors: Mapping[str, np.ndarray],
    about: Mapping[str, object],
) -> Path:
    """Write the region's lines, floats, inputs and expected outputs, and run.py, into a folder that is new or empty.

    `tensors` are the original's by the config's names; `about` holds engine, precision and the allowed error. Raises
    WorkbenchError for a folder that holds something, and for a line that knows more of the config than its tensors.
    """
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise WorkbenchError("expected a new or an empty folder", str(folder), "name another")
    alone = region.graph(graph)
    alone.nodes = [replace(node, weight=(), refweight=(), source={}) for node in alone.nodes]
    where = region.node.where
    text = f"# {where} {region.node}, alone\n{write(alone)}"
    read = parse_config(text, file=str(where)).graph
    if [node.layer for node in read] != [node.layer for node in alone]:
        raise WorkbenchError("the line depends on more than its tensors, so it cannot stand alone", where)
    plan, own = plan_weights(alone), region.weights(weights)
    values = plan.pack({(s.node.index, s.letter): own[s.node.index][s.letter] for s in plan.stored})
    write_text(folder / "line.cfg", text)
    write_weights(folder / "line.weights", values)
    for part, names in (("inputs", region.inputs), ("expected", region.node.outputs)):
        for name in (n for n in names if n in tensors):
            write_atomically(folder / part / f"{name}.npy", partial(np.save, arr=tensors[name]))
    write_text(folder / "about.json", json.dumps({"line": str(where), **about}, indent=1))
    write_text(folder / "run.py", RUN)
    return folder
