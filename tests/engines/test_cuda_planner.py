"""Plans of the cuda engine: nothing runs, so neither a GPU nor a compiler is needed."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from network_testing import all_configs, network

from workbench.config.parse import parse_config
from workbench.engines.cuda.arena import Life, arrange, lower_bound
from workbench.engines.cuda.blob import Held, read_blob, write_blob
from workbench.engines.cuda.engine import closed
from workbench.engines.cuda.fuse import fuse
from workbench.engines.cuda.lower import lower
from workbench.engines.cuda.place import place
from workbench.engines.cuda.program import assemble
from workbench.engines.cuda.steps import ChainStep, CopyStep, KernelStep
from workbench.engines.cuda.tensor import Tensor
from workbench.errors import WorkbenchError
from workbench.layers.base import LAYERS
from workbench.shapes import infer

LARGEST_EXCESS = 1.10  # of an arena's size over what no arrangement goes below: issue 4's figure


def planned(graph, weights, batch=1, taps=()):
    lowered = lower(closed(graph, batch), weights, "f32", taps)
    fuse(lowered)
    place(lowered)
    return lowered


def steps_of(text, taps=()):
    """The steps of a small config, by its text; weights are ones."""
    graph = parse_config(text).graph
    infer(graph)
    weights = {n.index: {letter: np.ones(shape, np.float32) for letter, shape in n.layer.weights(
        *[graph.specs[t] for t in n.inputs])} for n in graph.body}  # fmt: skip
    return planned(graph, weights, taps=taps).steps


def overlapping(program):
    """Pairs of roots that share bytes of the arena while both are needed."""
    roots = [r for r in program.roots if not r.constant]
    for i, a in enumerate(roots):
        for b in roots[:i]:
            apart = a.offset + a.nbytes <= b.offset or b.offset + b.nbytes <= a.offset
            if not (apart or a.last < b.first or b.last < a.first):
                yield a, b


@pytest.mark.parametrize("name", all_configs())
def test_every_config_is_planned_close_to_the_lower_bound(name):
    graph, weights, _ = network(name)
    program = assemble(planned(graph, weights), {})
    assert program.arena <= LARGEST_EXCESS * program.bound
    assert not list(overlapping(program))
    assert all(r.offset + r.nbytes <= program.arena for r in program.memory_plan)


# Copies that are work in themselves: pixels interleaved by YOLOX's focus, and the heads' maps, [1, C, cells] each, laid
# side by side along their last axis.
COPIES = {
    "digits": 0,
    "yolov5n": 0,
    "inception_resnet_v2": 0,
    "deeplabv3_r50": 0,
    "yolox_tiny_text": 5,
    "yolov8_pose": 6,
}


@pytest.mark.parametrize("name", COPIES)
def test_convolutional_networks_copy_nothing_between_layers(name):
    """Neither for a concat, a chunk or a reshape, nor an elementwise kernel after a convolution."""
    graph, weights, _ = network(name)
    kinds = [s for s in planned(graph, weights).steps if isinstance(s, ChainStep | CopyStep)]
    assert sum(s.node.tag == "concat" for s in kinds) == COPIES[name]
    assert not [s for s in kinds if s.node.tag in ("conv2d", "eltwise", "activation", "chunk", "reshape", "pool2d")]


lives = st.lists(
    st.tuples(st.integers(1, 10_000), st.integers(0, 30), st.integers(0, 12)).map(
        lambda t: Life(t[0], t[1], t[1] + t[2])
    ),
    max_size=40,
)


@given(lives)
def test_nothing_overlaps_in_an_arena(tensors):
    layout = arrange(tensors)
    places = list(zip(tensors, layout.offsets, strict=True))
    for i, (a, at) in enumerate(places):
        assert at % 16 == 0 and at + a.nbytes <= layout.size
        for b, other in places[:i]:
            assert not a.meets(b) or at + a.nbytes <= other or other + b.nbytes <= at
    assert layout.size >= layout.bound == lower_bound(tensors)


HEAD = "[input] refname=X shape=1,8,6,6 dtype=f32\n"
CONV = "[conv2d] channel=8 kernel=3 pad=1"


@pytest.mark.parametrize(
    "body, kinds",
    [
        (f"{CONV}\n[activation] act=silu\n", "p"),
        (f"{CONV} act=relu\n[activation] act=silu\n", "pc"),  # one activation is all that an epilogue has
        (f"{CONV} act=silu refname=A\n[eltwise] input=A,X mode=add\n", "p"),
        (f"{CONV} refname=A\n[eltwise] input=X,A mode=add\n[activation] act=relu\n", "p"),
        (f"{CONV} refname=A\n[eltwise] input=A,X mode=add act=relu\n", "p"),
        (f"{CONV} act=silu refname=A\n[eltwise] input=A,X mode=add act=relu\n", "pc"),  # act(act(a) + x)
        (f"{CONV} refname=A\n{CONV} input=X refname=B\n[eltwise] input=A,B mode=add\n", "pp"),  # the later one adds
        (f"{CONV} refname=A\n[eltwise] input=A,A mode=add\n", "pc"),  # its own sum is not there yet
        # one kernel reads A twice
        (f"{CONV} refname=A\n[activation] act=silu refname=B\n[eltwise] input=A,B mode=mul\n", "pc"),
        (f"{CONV} refname=A\n[eltwise] input=A,X mode=mul\n", "pc"),
        ("[scale] scale=2\n[simpleop] mode=add value=1\n[clamp] value=0,1\n[simpleop] mode=sqrt\n", "c"),
        ("[scale] scale=2 refname=A\n[eltwise] input=X,A mode=sub\n", "c"),
        ("[trans] order=0,2,3,1\n[activation] act=relu\n", "c"),  # reads through the strides
        (f"{CONV} refname=A\n{CONV} input=X refname=B\n[concat] axis=1 input=A,B\n", "pp"),
        (f"{CONV} refname=A\n[concat] axis=1 input=A,A\n", "pC"),  # only one of two places
        (f"{CONV} refname=A\n[concat] axis=1 input=A,X\n", "pC"),  # a feed lies where it was fed
        (f"{CONV} refname=A\n[concat] axis=2 input=A,A\n", "pCC"),  # rows of every channel: not one piece
        (f"{CONV} refname=A\n[chunk] axis=1 count=2 refname=B,C\n[conv2d] input=C channel=8 kernel=1 refname=D\n"
         "[concat] axis=1 input=B,C,D\n", "pp"),  # both halves of A lie in the concat: C2f of YOLOv8
        ("[chunk] axis=1 count=2 refname=A,B\n[conv2d] input=B channel=4 kernel=1\n", "p"),
        (f"{CONV} refname=A\n{CONV} refname=B input=X\n", "p"),  # A leads nowhere
    ],
)  # fmt: skip
def test_what_joins(body, kinds):
    """p: product or convolution, c: elementwise, C: copy, k: another kernel."""
    letters = {ChainStep: "c", CopyStep: "C", KernelStep: "k"}
    assert "".join(letters.get(type(s), "p") for s in steps_of(HEAD + body + "[output] refname=*\n")) == kinds


def test_what_is_given_out_is_not_joined():
    text = f"{HEAD}{CONV} refname=A\n[activation] act=silu refname=B\n[output] refname=B\n"
    assert len(steps_of(text)) == 1
    assert len(steps_of(text, taps=["A"])) == 2
    assert len(steps_of(text.replace("refname=B\n[output] refname=B", "refname=B\n[output] refname=A,B"))) == 2


SHAPES = [((2, 3, 4), target) for target in ((2, 12), (6, 4), (24,), (2, 3, 2, 2), (4, 6))] + [((1, 3, 4), (3, 1, 4))]


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 0, 2), (0, 2, 1), (2, 1, 0)])
@pytest.mark.parametrize("shape, target", SHAPES)
def test_a_view_is_numpys_or_none(shape, target, order):
    """Tensor.view against numpy.reshape of the same strides: the same elements, and none only where numpy copies."""
    array = np.arange(math.prod(shape)).reshape(shape).transpose(order)
    view = Tensor.new(shape, "f32").permute(order).view(target)
    numpys = array.reshape(target)
    if view is None:
        assert not np.shares_memory(numpys, array)
        return
    flat = np.arange(math.prod(shape))
    seen = np.lib.stride_tricks.as_strided(flat, view.shape, [s * flat.itemsize for s in view.strides])
    np.testing.assert_array_equal(seen, numpys)


def test_all_layers_without_kernels_are_told_at_once(monkeypatch):
    for tag in ("softmax", "trans"):
        monkeypatch.setattr(LAYERS[tag], "cuda", None)
    with pytest.raises(WorkbenchError) as error:
        steps_of("[input] refname=X shape=2,3 dtype=f32\n[softmax]\n[trans] order=1,0\n[output] refname=*\n")
    assert "softmax" in str(error.value) and "trans" in str(error.value)
    assert ":2:1" in str(error.value) and ":3:1" in str(error.value)


def test_a_layer_whose_tensors_have_another_shape_than_stated_is_told(monkeypatch):
    monkeypatch.setattr(LAYERS["softmax"], "cuda", lambda self, plan, x, w: x[0].permute((1, 0)))
    with pytest.raises(WorkbenchError, match=r"softmax.*cuda\(\) gave f32\[3, 2\]; infer\(\) states f32\[2,3\]"):
        steps_of("[input] refname=X shape=2,3 dtype=f32\n[softmax]\n[output] refname=*\n")


def test_tensors_beyond_the_kernels_counters_are_told():
    with pytest.raises(WorkbenchError, match="3,000,000,000 elements"):
        steps_of("[input] refname=X shape=3,1000,1000,1000 dtype=f32\n[softmax]\n[output] refname=*\n")


@pytest.mark.parametrize("damage", ["none", "cut", "header", "empty"])
def test_a_plan_comes_back_from_its_bytes_or_is_told_damaged(damage):
    graph, weights, _ = network("digits")
    constants = {}
    program = assemble(planned(graph, weights), constants)
    blob = write_blob(Held({1: program}, constants, {program.calls[0].kernel: b"code"}, []))
    if damage == "none":
        held = read_blob(blob)
        assert held.programs == {1: program} and list(held.images.values()) == [b"code"]
        assert all(np.array_equal(held.constants[k], constants[k]) for k in constants)
        return
    blob = {"cut": blob[:-5], "header": np.concatenate([blob[:8], blob[9:]]), "empty": blob[:0]}[damage]
    with pytest.raises(WorkbenchError, match="plan is damaged"):
        read_blob(blob)
