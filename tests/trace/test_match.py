import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn
from tracing_models import randomised

from workbench import shapes
from workbench.config.parse import parse_config
from workbench.engines.reference import ReferenceEngine
from workbench.errors import WorkbenchError
from workbench.trace.match import Match, match, match_values
from workbench.trace.ops import Exported
from workbench.trace.record import record
from workbench.trace.tie import parse_tie
from workbench.trace.ties_file import read_ties, ties_path, write_ties
from workbench.weights.from_torch import weights_from_model
from workbench.weights.spec import plan_weights


class Unit(nn.Module):
    def __init__(self, inputs, outputs, kernel=1):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False)
        self.bn, self.act = nn.BatchNorm2d(outputs), nn.SiLU(inplace=True)

    def forward(self, x):
        return self.act(self.bn(self.conv(x)))


class Net(nn.Module):
    """Two parallel units of the same shape, a residual, pools that differ by their window alone, a dense head."""

    def __init__(self):
        super().__init__()
        self.stem, self.a, self.b = Unit(3, 8, 3), Unit(8, 8), Unit(8, 8)
        self.c, self.drop, self.head = Unit(8, 8, 3), nn.Dropout(), nn.Linear(24, 5)

    def forward(self, x):
        x = self.stem(x)
        a, b = self.a(x), self.b(x)
        y = a + self.c(a)
        pools = [nn.functional.max_pool2d(y, k, 1, k // 2) for k in (3, 5)]
        return self.head(self.drop(torch.cat([*pools, b], 1).mean((2, 3)))).softmax(-1)


LINES = """
[input] refname=x shape=2,3,8,8 dtype=f32
[default] type=conv2d weight_order=wa act=silu kernel=1
[conv2d] channel=8 kernel=3 pad=1 refname=S
[conv2d] input=S channel=8 refname=A
[conv2d] input=S channel=8 refname=B
[conv2d] input=A channel=8 kernel=3 pad=1
[eltwise] mode=add input=A,* refname=Y
[pool2d] input=Y mode=max kernel=3 pad=1 stride=1 refname=P3
[pool2d] input=Y mode=max kernel=5 pad=2 stride=1 refname=P5
[concat] input=P3,P5,B axis=1
[pool2d] mode=adapavg output_size=1,1
[reshape] shape=2,24
[dense] hidden=5 weight_order=wa
[softmax] axis=-1
[output] refname=*
"""
# By line: the pool and the reshape before the head are one mean in the original, so they equal no tensor of it.
TIES = {1: "input", 3: "stem.act", 4: "a.act", 5: "b.act", 6: "c.act", 7: "/add.0", 8: "/max_pool2d.0",
        9: "/max_pool2d.1", 10: "/cat.0", 13: "head", 14: "output"}  # fmt: skip


def graph_of(lines):
    graph = parse_config(lines.lstrip("\n")).graph
    shapes.infer(graph)
    return graph


@pytest.fixture(scope="module")
def original():
    torch.manual_seed(0)
    model, x = randomised(Net()), torch.randn(2, 3, 8, 8)
    return Exported(model, x), x


def told(graph, matches):
    return {graph.nodes[i].where.line: str(m.tie) for i, m in matches.items()}


def test_a_config_without_names_finds_its_ties_and_from_them_its_weights(original):
    exported, x = original
    graph = graph_of(LINES)
    found = match(graph, exported)
    assert told(graph, found) == TIES
    assert {m.how for m in found.values()} == {"the model's input", "the order of the weights", "data flow"}
    tied = replace(graph, nodes=[replace(n, tie=str(found[n.index].tie)) if n.index in found else n for n in graph])
    plan = plan_weights(tied)
    weights = plan.split(weights_from_model(tied, plan, exported).values)
    probabilities = ReferenceEngine(tied, weights).run(x.numpy())[tied.outputs[0]]
    np.testing.assert_allclose(probabilities, exported.model(x).detach(), rtol=1e-4, atol=1e-6)

    every = [t for n in graph.body for t in n.outputs]
    arrays = ReferenceEngine(graph, weights, taps=every).run(x.numpy())
    by_value = match_values(graph, arrays, record(exported.model, x, exported=exported))
    values = told(graph, by_value)
    assert values[12] == "drop", "the mean, as the reshape has it"
    assert {line: values[line] for line in (3, 4, 5, 6, 10, 13)} == {line: TIES[line] for line in (3, 4, 5, 6, 10, 13)}
    reshaped = next(m for i, m in by_value.items() if graph.nodes[i].tag == "pool2d" and m.view)
    assert reshaped.view == "shape:2,24,1,1"


def test_another_order_of_the_lines_is_no_hindrance(original):
    exported, _ = original
    lines = LINES.replace("[conv2d] input=S channel=8 refname=B\n", "").replace(
        "[concat]", "[conv2d] input=S channel=8 refname=B\n[concat]"
    )
    graph = graph_of(lines)
    found = {graph.nodes[i].outputs[0]: (str(m.tie), m.how) for i, m in match(graph, exported).items()}
    assert found["A"] == ("a.act", "shape and surroundings") and found["B"] == ("b.act", "shape and surroundings")


def test_where_two_would_do_nothing_is_said(original):
    exported, _ = original
    alone = "\n".join(LINES.splitlines()[:6]) + "\n[output] refname=*"
    graph = graph_of(alone)
    found = {graph.nodes[i].outputs[0]: str(m.tie) for i, m in match(graph, exported).items()}
    assert found == {"x": "input", "S": "stem.act"}, "the one unit behind S may be a or b"


def test_the_file_of_ties(tmp_path):
    graph = graph_of(LINES)
    path = ties_path(tmp_path / "net.cfg")
    write_ties(path, graph, {1: Match(parse_tie("stem"), "value"), 4: Match(parse_tie("c"), "value", "order:0,1,2,3")})
    read = read_ties(path, graph)
    assert [(n.tie, n.view) for n in read.nodes[:5]] == [
        ("", ""),
        ("stem", ""),
        ("", ""),
        ("", ""),
        ("c", "order:0,1,2,3"),
    ]
    own = replace(graph, nodes=[replace(n, tie="mine") for n in graph])
    assert {n.tie for n in read_ties(path, own)} == {"mine"}, "name= in the config stays"

    content = json.loads(path.read_text())
    content["ties"] |= {"gone": {"tie": "a"}, "A": {"tie": "a@"}, "S": {"layer": "dense", "tie": "a"}}
    path.write_text(json.dumps(content))
    with pytest.raises(WorkbenchError, match=r"(?s)no dense of that name.*no line of that name.*expected a tie PATH"):
        read_ties(path, graph)
    for text in ("{", "[]", '{"ties": {"S": "a"}}', '{"ties": {"S": {"tie": 3}}}'):
        path.write_text(text)
        with pytest.raises(WorkbenchError, match="not a file of ties"):
            read_ties(path, graph)
