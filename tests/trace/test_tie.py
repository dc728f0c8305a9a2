import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.config.parse import parse_config
from workbench.errors import WorkbenchError
from workbench.trace.tie import Tie, frontier, graph_ties, parse_tie, unknown_tie
from workbench.trace.view import apply_view, undo_view, view_shape

NAMES = st.lists(st.from_regex(r"[a-z_0-9]+", fullmatch=True), min_size=1, max_size=4).map(".".join)


OPERATORS = st.sampled_from(["", "matmul", "layer_norm"])


@given(st.builds(Tie, NAMES, st.integers(0, 99), OPERATORS, st.just(0), st.integers(0, 9)))
def test_what_a_tie_writes_it_reads(tie):
    assert parse_tie(str(tie)) == tie


@pytest.mark.parametrize(
    "text, tie",
    [
        ("layer1.0.relu@1", Tie("layer1.0.relu", 1)),
        ("blocks.0.attn/matmul.3:1", Tie("blocks.0.attn", 0, "matmul", 3, 1)),
        ("/flatten.0", Tie("", 0, "flatten", 0)),
        ("input:1", Tie("input", out=1)),
    ],
)
def test_grammar(text, tie):
    assert parse_tie(text) == tie


@pytest.mark.parametrize("text", ["", "a@", "a@x", "a/matmul", "a/matmul.x", "a:", "a b", "@1", ":1", "a/b.1/c.2"])
def test_what_is_no_tie(text):
    with pytest.raises(WorkbenchError, match="expected a tie PATH"):
        parse_tie(text)


def test_an_unknown_tie_names_the_nearest():
    known = [Tie("layer1.0.relu"), Tie("layer1.0.relu", 1), Tie("layer1.0.conv1"), Tie("layer1.0.relu", 0, "relu")]
    assert "layer1.0.relu@1" in unknown_tie("layer1.0.relu@2", known).note
    assert "layer1.0.conv1" in unknown_tie("layer1.0.conv", known).note


def test_ties_of_a_config():
    graph = parse_config(
        "[input] refname=x shape=1,4,8,8 dtype=f32\n"
        "[chunk] count=2 axis=1 refname=A,B name=m/chunk.0\n"
        "[activation] input=A act=relu refname=C\n"
        "[eltwise] mode=add input=C,B name=m.add\n[output] refname=*"
    ).graph
    ties = graph_ties(graph)
    assert ties["B"] == Tie("m", 0, "chunk", 0, 1)
    assert frontier(graph, graph.nodes[3], ties) == ({ties["A"], ties["B"]}, set())
    assert frontier(graph, graph.nodes[1], ties) == (set(), {"x"})


@pytest.mark.parametrize("view, shape", [("", (2, 3, 4)), ("order:2,0,1", (4, 2, 3)), ("shape:1,-1,8", (1, 3, 8))])
def test_view_and_its_inverse(view, shape):
    x = np.arange(24).reshape(2, 3, 4)
    assert apply_view(x, view).shape == view_shape(x.shape, view) == shape
    np.testing.assert_array_equal(undo_view(apply_view(x, view), view, x.shape), x)


@pytest.mark.parametrize(
    "view", ["order:0,0,1", "order:0,1", "shape:5,-1", "shape:-1,-1", "shape:0,24", "swap:1", "order:x"]
)
def test_views_that_do_not_fit(view):
    with pytest.raises(WorkbenchError, match="view="):
        apply_view(np.zeros((2, 3, 4)), view)
