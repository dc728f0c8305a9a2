"""Shapes: filled where they fit, every cause told where they do not."""

import pytest

from workbench.config.parse import parse_config
from workbench.errors import WorkbenchError, WorkbenchErrors
from workbench.graph import Graph, Node, TensorSpec
from workbench.layers import Layer
from workbench.shapes import infer

HEAD = "[input] refname=X shape=$B,4,8,8 dtype=f32\n"


def graph_of(text, batch=1):
    return parse_config(HEAD + text + "\n[output] refname=*", {"B": batch}, file="f").graph


@pytest.mark.parametrize("batch", [1, 3, -1])
def test_specs_follow_the_layers_and_the_batch(batch):
    lines = (
        "[conv2d] channel=6 kernel=3 stride=2 refname=C\n[chunk] count=2 axis=1 refname=P,Q\n[concat] input=P,Q axis=2"
    )
    graph = graph_of(lines, batch)
    infer(graph)
    assert graph.specs == {
        "X": TensorSpec((batch, 4, 8, 8)),
        "C": TensorSpec((batch, 6, 3, 3)),
        "P": TensorSpec((batch, 3, 3, 3)),
        "Q": TensorSpec((batch, 3, 3, 3)),
        "concat_1": TensorSpec((batch, 3, 6, 3)),
    }


def test_every_cause_is_told_with_its_shapes_and_no_consequence():
    graph = graph_of(
        "[conv2d] channel=6 kernel=3 group=3 refname=C\n"
        "[softmax] axis=1\n"
        "[conv2d] input=X channel=2 kernel=5 refname=D\n"
        "[concat] input=X,D axis=1\n"
        "[softmax] input=D axis=4\n"
        "[activation] input=D refname=E"
    )
    with pytest.raises(WorkbenchErrors) as caught:
        infer(graph)
    assert [str(e.where) for e in caught.value.errors] == ["f:2:1", "f:5:1", "f:6:1"]
    assert "X f32[1,4,8,8]" in caught.value.errors[0].note
    assert "X f32[1,4,8,8], D f32[1,2,4,4]" in caught.value.errors[1].note
    assert graph.specs.keys() == {"X", "D", "E"}


class Odd(Layer):
    arity = (0, 0)
    shape: tuple[int, ...] = ()

    def infer(self):
        return [TensorSpec(self.shape)]


@pytest.mark.parametrize(
    "shape, possible", [((), 1), ((-1, 2), 1), ((1, 2), 1), ((0, 2), 0), ((1, 0), 0), ((1, -1), 0), ((-2,), 0)]
)
def test_only_the_batch_may_be_open_and_no_tensor_is_empty(shape, possible):
    layer = Odd()
    object.__setattr__(layer, "shape", shape)
    graph = Graph([Node(0, layer, (), ("Y",))])
    if possible:
        infer(graph)
        assert graph.specs["Y"].shape == shape
    else:
        with pytest.raises(WorkbenchError, match="expected outputs of positive sizes"):
            infer(graph)
