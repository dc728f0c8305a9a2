"""Graph → text → the same graph, for every case of every layer and for every key a line can have."""

from dataclasses import replace

import pytest

from workbench.config.parse import parse_config
from workbench.config.write import format_line, write
from workbench.errors import Where, WorkbenchError
from workbench.graph import Graph
from workbench.layers import LAYERS
from workbench.layers.base import Floats, Pads, Pair


def plain(graph):
    """The graph without what is the text's alone: places and entry ids."""
    return Graph([replace(n, where=Where(""), entry=-1) for n in graph.nodes], graph.outputs, graph.model)


def line_of(tag, case, named):
    inputs = "".join(
        f"[input] refname=I{i} shape={','.join(map(str, s.shape))} dtype={s.dtype}\n" for i, s in enumerate(case.specs)
    )
    source = "input=" + ",".join(f"I{i}" for i in range(len(case.specs))) if case.specs else ""
    words = dict(word.split("=", 1) for word in case.keys.split() if not word.startswith("act"))
    outputs = LAYERS[tag].parse(words).outputs
    name = "refname=" + ",".join(f"T{i}" for i in range(outputs)) if named else ""
    return f"[model] name=m\n{inputs}[{tag}] {case.keys} {source} {name}\n[output] refname=*\n"


FEEDABLE = {"i8", "u8", "i32", "u32", "f16", "f32"}
CASES = [
    pytest.param(tag, case, i % 2, id=f"{tag}-{i}")
    for tag, cls in LAYERS.items()
    for i, case in enumerate(cls.CASES)
    if all(s.dtype in FEEDABLE for s in case.specs)
]


@pytest.mark.parametrize("tag, case, named", CASES)
def test_every_case_comes_back(tag, case, named):
    text = ("" if case.specs else "[input] refname=I shape=1 dtype=f32\n") + line_of(tag, case, named)
    graph = parse_config(text).graph
    assert plain(parse_config(write(graph)).graph) == plain(graph)


def test_every_common_key_comes_back():
    text = """[model] name=m weight_file=a/b.weights prec_mode=f16
    [input] refname=X shape=-1,4,8,8 dtype=u8 max_shape=8,4,8,8
    [input] refname=Y shape=1,4,8,8 dtype=f32
    [conv2d] input=X channel=4 kernel=1,3 pad=1,2 act=leaky act_alpha=0.125 weight=W source=w:a.w,a:b refname=conv2d_2
    [conv2d] channel=4 kernel=3 pad=0,1,2,3 refweight=W prec_mode=f16 name=a.b@1/add.0:1 view=order:0,2,1
    [chunk] count=2 axis=1 refname=A
    [activation] refname=A
    [eltwise] mode=add input=*,chunk_1_1,A act=clip act_alpha=-1 act_beta=1
    [output] refname=*,Y,A
    """
    graph = parse_config(text).graph
    again = write(graph)
    assert plain(parse_config(again).graph) == plain(graph)
    assert write(parse_config(again).graph) == again
    assert "[conv2d] channel=4 kernel=1,3 pad=1,2 input=X act=leaky act_alpha=0.125" in again


@pytest.mark.parametrize(
    "keys, text",
    [
        ({"channel": 3, "kernel": Pair("3"), "stride": Pair("2,1")}, "[conv2d] channel=3 kernel=3 stride=2,1"),
        (
            {"channel": 3, "kernel": Pair("1,3"), "pad": Pads("1,1,2,2"), "bn_eps": 1e-3},
            "[conv2d] channel=3 kernel=1,3 pad=1,2 bn_eps=0.001",
        ),
        (
            {"channel": 3, "kernel": Pair("3"), "pad": Pads("0,1,2,3"), "scale": 2.0},
            "[conv2d] channel=3 kernel=3 pad=0,1,2,3 scale=2",
        ),
    ],
)
def test_lines_are_short(keys, text):
    assert format_line(LAYERS["conv2d"](**keys)) == text


def test_common_keys_follow_the_layers_own():
    layer = LAYERS["preproc"](mode="generic", std=Floats("255"))
    assert (
        format_line(layer, {"act": "identity", "name": "a/b.0", "refname": ("P",)})
        == "[preproc] mode=generic std=255 name=a/b.0 refname=P"
    )


def test_what_no_config_can_hold_is_refused():
    graph = parse_config("[model] name=$N [input] refname=X shape=1 dtype=f32 [output] refname=X", {"N": "a b"}).graph
    with pytest.raises(WorkbenchError, match="key 'name': a config cannot hold the value 'a b'"):
        write(graph)
    with pytest.raises(WorkbenchError, match="two outputs of the graph have one name"):
        write(Graph(graph.nodes * 2, ("X",)))
