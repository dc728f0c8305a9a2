"""A config explained: its table's sums, its picture, and what tells it from another."""

from xml.etree import ElementTree

import pytest

from workbench import shapes
from workbench.cli import main
from workbench.config.dictionary import BASE, SHARING
from workbench.config.parse import parse_config
from workbench.explain.difference import difference
from workbench.explain.picture import place, svg
from workbench.explain.table import rows, table
from workbench.graph import TensorSpec
from workbench.layers import LAYERS

CONFIG = """\
[input] refname=X shape=2,3,8,6 dtype=f32
[conv2d] channel=4 kernel=3 pad=1 weight_order=wa act=relu refname=A
[conv2d] channel=4 kernel=1 group=2 weight_order=w refname=B
[eltwise] mode=add input=A,B refname=C
[reshape] shape=2,-1
[dense] hidden=5 refname=Y
[output] refname=Y
"""


def graph_of(text):
    graph = parse_config(text).graph
    shapes.infer(graph)
    return graph


def test_the_table_counts_weights_and_flops():
    found = {r.name: (r.line, r.layer, r.weights, r.flops) for r in rows(graph_of(CONFIG))}
    assert found["A"] == (2, "conv2d", 4 * 3 * 9 + 4, 2 * 2 * 4 * 48 * 27)
    assert found["B"] == (3, "conv2d", 4 * 2, 2 * 2 * 4 * 48 * 2)
    assert found["C"] == (4, "eltwise", 0, 2 * 4 * 48)
    assert found["reshape_1"] == (5, "reshape", 0, 0)
    assert found["Y"] == (6, "dense", 5 * 192 + 5, 2 * 2 * 5 * 192)
    total = table(graph_of(CONFIG)).splitlines()[-1].split()
    assert total == ["total", "6", "lines", f"{112 + 8 + 965:,}", f"{20736 + 1536 + 384 + 3840:,}"]


@pytest.mark.parametrize("tag, keys, inputs, flops", [
    ("matmul", {"trans_a": "1"}, [(2, 5, 3), (2, 5, 7)], 2 * 2 * 3 * 7 * 5),
    ("attention", {"head": "2"}, [(1, 4, 8), (1, 6, 8), (1, 6, 8)], 2 * 4 * 6 * 16),
    ("deconv2d", {"channel": "4", "kernel": "2", "stride": "2"}, [(1, 3, 5, 5)], 2 * 75 * 4 * 4),
    ("lstm", {"layer_counts": "1", "hiddens": "4", "direction": "unidirection"}, [(2, 5, 3)], 2 * 10 * 16 * 7),
    ("chunk", {"count": "2", "axis": "1"}, [(-1, 4)], 0),
    ("softmax", {"axis": "1"}, [(-1, 4)], 4),
])  # fmt: skip
def test_flops(tag, keys, inputs, flops):
    assert LAYERS[tag].parse(keys).flops(*map(TensorSpec, inputs)) == flops


def test_every_layer_counts_its_flops():
    common = {key.name for key in (*BASE, *SHARING)}
    for cls in LAYERS.values():
        for case in cls.CASES:
            words = dict(word.split("=", 1) for word in case.keys.split())
            layer = cls.parse({key: value for key, value in words.items() if key not in common})
            assert layer.flops(*case.specs) >= 0


def test_the_picture_holds_every_line_once_and_no_box_covers_another():
    graph = graph_of(CONFIG)
    root = ElementTree.fromstring(svg(graph))
    titles = [t.text for g in root.findall("{*}g") for t in g.findall("{*}title")]
    assert len(titles) == len(graph.nodes) and "A f32[2,4,8,6]" in titles[1]
    places = place(graph)
    assert len(set(places)) == len(places)
    row = {name: y for node, (_, y) in zip(graph, places, strict=True) for name in node.outputs}
    assert all(row[i] < row[node.outputs[0]] for node in graph for i in node.inputs)


def test_names_comments_and_layout_are_no_difference():
    other = CONFIG.replace("refname=C", "refname=SUM # sum").replace("[reshape]", "\n\n[reshape]")
    assert difference(graph_of(CONFIG), graph_of(other.replace("input=A,B", "input=A,*"))) == ""


def test_layers_that_differ_are_told():
    other = CONFIG.replace("group=2", "group=1").replace("[reshape]", "[softmax] axis=1\n[reshape]")
    assert difference(graph_of(CONFIG), graph_of(other)).splitlines() == [
        "- 3 [conv2d] channel=4 kernel=1 group=2 weight_order=w",
        "+ 3 [conv2d] channel=4 kernel=1 weight_order=w",
        "+ 5 [softmax] axis=1",
        "~ 5 → 6 [reshape] shape=2,-1: input=C → softmax_1",
    ]
    swapped = CONFIG.replace("input=A,B", "input=B,A")
    assert difference(graph_of(CONFIG), graph_of(swapped)) == "~ 4 → 4 [eltwise] mode=add: input=A,B → B,A"
    assert difference(graph_of(CONFIG), graph_of(CONFIG.replace("[output] refname=Y", "[output] refname=C"))) == (
        "~ [output] Y → C"
    )


def test_the_command(tmp_path, capsys):
    config = tmp_path / "a.cfg"
    config.write_text(CONFIG.replace("2,3,8,6", "$N,3,8,6"))
    assert main(["explain", str(config), "--set", "N=2", "--svg", str(tmp_path / "a.svg")]) == 0
    assert "total" in capsys.readouterr().out
    ElementTree.parse(tmp_path / "a.svg")
    assert main(["explain", str(config), "--set", "N=2", "--against", str(config)]) == 0
    assert capsys.readouterr().out == "the same layers\n"
