"""What cases cannot show: what layers refuse and how they say it, open batches, tensors without inputs."""

import numpy as np
import pytest
import torch

from workbench.engines.openvino import OpenVINOEngine
from workbench.engines.reference import ReferenceEngine
from workbench.errors import WorkbenchError
from workbench.graph import Graph, Node, TensorSpec
from workbench.layers import LAYERS
from workbench.layers.input import Input


def make(tag, keys):
    return LAYERS[tag].parse(dict(pair.split("=", 1) for pair in keys.split()))


def infer(tag, keys, *shapes):
    specs = [TensorSpec(s[:-1], s[-1]) if isinstance(s[-1], str) else TensorSpec(s) for s in shapes]
    return [spec.shape for spec in make(tag, keys).infer(*specs)]


REFUSED = [
    ("concat", "axis=1", [(2, 3, 5), (2, 3, 4)], "f32[2,3,5] and f32[2,3,4]"),
    ("concat", "axis=1", [(2, 3), (2, 3, "i32")], "f32[2,3] and i32[2,3]"),
    ("concat", "axis=0", [(-1, 3), (1, 4)], "f32[-1,3] and f32[1,4]"),
    ("concat", "mode=deit", [(2, 3), (2, 3)], "mode=deit"),
    ("concat", "batch=4", [(2, 3), (2, 3)], "batch=4"),
    ("chunk", "count=4 axis=1", [(2, 5)], "makes 3"),
    ("chunk", "count=2 axis=0", [(-1, 5)], "known size"),
    ("split", "count=2 axis=1", [(2, 5)], "f32[2,5]"),
    ("slice", "start=0,4 shape=-1,2", [(2, 5)], "axis 1 of f32[2,5]"),
    ("slice", "start=0,-6 shape=-1,2", [(2, 5)], "axis 1 of f32[2,5]"),
    ("slice", "start=0 shape=1", [(2, 5)], "2 numbers"),
    ("slice", "start=0,0 shape=1,-1", [(-1, 5)], "axis 0 of f32[-1,5] is open"),
    ("reshape", "shape=4,-1", [(2, 3)], "[2,3] to shape=4,-1"),
    ("reshape", "shape=2,-1,-1", [(2, 3)], "one -1"),
    ("reshape", "shape=2,0,0", [(2, 3)], "0 only where"),
    ("reshape", "shape=2,-1", [(-1, 3)], "-1 or 0 on axis 0"),
    ("reshape", "shape=0,4", [(-1, 3)], "3 elements beside the batch"),
    ("reshape", "shape=-1,4", [(-1, 6)], "divides 6"),
    ("trans", "order=0,1", [(2, 3, 5)], "f32[2,3,5]"),
    ("trans", "order=1,0", [(-1, 3)], "open batch of f32[-1,3]"),
    ("expand", "factor=2", [(2, 3)], "f32[2,3]"),
    ("gather", "axis=2", [(2, 3), (2, "i32")], "from -2 to 1"),
    ("gather", "axis=0", [(2, 3), (2,)], "i32 or i64"),
    ("gather", "axis=1", [(2, 3), (-1, "i32")], "f32[2,3] and i32[-1]"),
    ("gather", "axis=1 mode=elements", [(2, 3), (3, 3, "i32")], "f32[2,3] and i32[3,3]"),
    ("gather", "mode=swin-transformer", [(2, 3), (2, "i32")], "mode=swin-transformer"),
    ("roll", "shift=1,2 axis=1", [(2, 3)], "shift=(1, 2)"),
    ("roll", "mode=swin-transformer shift=1,2", [(2, 3)], "4 axes"),
    ("const", "shape=2,3 dtype=f32 value=1,2", [], "1, 3 or 6 numbers"),
    ("const", "shape=2 dtype=i32 value=0.5", [], "whole numbers"),
    ("const", "shape=2 dtype=f32 transform=wino_data_64", [], "transform=wino_data_64"),
    ("scale", "", [(2, 3, "u8")], "u8[2,3]"),
    ("eltwise", "mode=add", [(2, 3, 5), (2, 3, 4)], "[2,3,5] and [2,3,4]"),
    ("eltwise", "mode=add", [(-1, 3), (2, 3)], "[-1,3] and [2,3]"),
    ("eltwise", "mode=add", [(-1, 3), (4, 1, 3)], "[-1,3] and [4,1,3]"),
    ("eltwise", "mode=mul scale=2", [(2, 3), (2, 3)], "mode=mul takes no scale"),
    ("eltwise", "mode=sum scale=1,2,3", [(2, 3), (2, 3)], "1 or 2 numbers"),
    ("eltwise", "mode=div", [(2, 3, "i32"), (2, 3, "i32")], "i32[2,3]"),
    ("clamp", "value=1,0", [(2, 3)], "low <= high"),
    ("reduce", "mode=sum axis=1,-1", [(2, 3)], "distinct axes of f32[2,3]"),
    ("matmul", "", [(2, 3, 5), (2, 3, 5)], "f32[2,3,5] and f32[2,3,5]"),
    ("matmul", "trans_a=1", [(-1, 3), (4, 3)], "f32[-1,3] and f32[4,3]"),
    ("matmul", "", [(-1, 3), (4, 3, 5)], "would not stay on axis 0"),
    ("softmax", "axis=2", [(2, 3)], "from -2 to 1"),
    ("topk", "topk_count=0", [(2, 3)], "k=0"),
    ("topk", "topk_count=1 mode=xmem", [(2, 3)], "mode=xmem"),
    ("sortk", "k=1 axis=0", [(-1, 3)], "f32[-1,3]"),
    ("mask", "", [(2, 5, 7), (3, 4)], "f32[2,5,7] and f32[3,4]"),
    ("matrix", "mode=eye img_size=0", [], "at least 1,1"),
    ("window", "mode=partition size=7", [(2, 49, 3)], "shape=()"),
    ("window", "mode=partition size=7 shape=7,6", [(2, 49, 3)], "[n, 42, c]"),
    ("window", "mode=partition size=7 shape=14,7", [(2, 7, 14, 3)], "f32[2,7,14,3]"),
    ("window", "mode=merge size=7 shape=14,7", [(3, 49, 3)], "n * 2"),
    ("conv1d", "channel=4 kernel=3", [(2, 3, 5, 5)], "f32[2,3,5,5]"),
    ("conv1d", "channel=4 kernel=3 pad_tf=alexeyab", [(2, 3, 5)], "pad_tf=alexeyab"),
    ("conv1d", "channel=4 kernel=9", [(2, 3, 5)], "does not fit"),
    ("deconv2d", "channel=5 kernel=3 group=2", [(2, 4, 5, 5)], "group=2"),
    ("deconv2d", "channel=4 kernel=3 pad=4", [(2, 4, 2, 2)], "leaves nothing of [4, 4]"),
    ("deconv2d", "channel=4 kernel=3 stride=2 output_pad=2", [(2, 4, 2, 2)], "below stride or dilation, 2; got 2"),
    ("dense", "hidden=3", [(2,)], "f32[2]"),
    ("dense", "hidden=3 weight_order=wrbmv", [(2, 3)], "weight_order=wrbmv"),
    ("bn", "weight_order=rb", [(2, 3)], "weight_order=rb"),
    ("norm", "mode=gleanx8", [(2, 3)], "mode=gleanx8: the meaning"),
    ("norm", "mode=layer axis=0", [(2, 3)], "axis=0 for f32[2,3]"),
    ("norm", "mode=group group=2", [(2, 3, 4)], "divides 3 channels; got 2"),
    ("norm", "mode=instance axis=1", [(2, 3, 4)], "takes no axis; got 1"),
    ("norm", "mode=bert", [(2, 3, "i32")], "i32[2,3]"),
    ("pool2d", "mode=nafnet", [(2, 3, 4, 4)], "mode=nafnet"),
    ("pool2d", "kernel=2 pad=2", [(2, 3, 4, 4)], "nothing but padding"),
    ("pool2d", "mode=avg kernel=2 dilation=2", [(2, 3, 4, 4)], "takes no dilation"),
    ("upsample", "factor=0", [(2, 3, 4, 4)], "got 0"),
    ("resize", "", [(2, 3, 4, 4)], "size=(), factor=0"),
    ("resize", "size=4 factor=2", [(2, 3, 4, 4)], "size=(4,), factor=2"),
    ("resize", "mode=nearest factor=2 corner_align=1", [(2, 3, 4, 4)], "no corner_align"),
    ("pixelshuffle", "factor=2", [(2, 6, 4, 4)], "f32[2,6,4,4]"),
    ("pixelshuffle", "factor=2 inverse=1", [(2, 6, 5, 4)], "f32[2,6,5,4]"),
    ("unfold", "axis=0 size=1 step=1", [(-1, 3)], "open batch"),
    ("unfold", "axis=1 size=4 step=1", [(2, 3)], "does not fit"),
    ("pad", "pad=3 mode=reflect", [(2, 3, 3, 3)], "below the axis' 3 elements"),
    ("pad", "pad=1,2,3", [(2, 3, 3, 3)], "1, 2 or 4 pads"),
    ("pad", "pad=1 axis=0", [(-1, 3)], "open batch"),
    ("lstm", "layer_counts=1 hiddens=4 direction=unidirection", [(2, 3)], "f32[2,3]"),
    ("embed", "", [(2, 3, "i32")], "table_shape=rows,features"),
    ("embed", "table_shape=9,4", [(2, 3)], "f32[2,3]"),
    ("posemb", "mode=fastspeech", [(2, 3, 4)], "mode=fastspeech"),
    ("posemb", "mode=learned rows=2", [(2, 3, 4)], "at least 3 rows"),
    ("roialign", "align_size=7 mode=maskrcnn", [(2, 3, 9, 9), (4, 5)], "mode=maskrcnn"),
    ("roialign", "align_size=7 mode=generic", [(2, 3, 9, 9), (4, 4)], "f32[4,4]"),
    ("attention", "head=3", [(2, 5, 8)] * 3, "head=3"),
    ("attention", "head=2", [(2, 2, 5, 4)] * 3, "split into heads already"),
    ("attention", "", [(2, 5, 8), (2, 6, 7), (2, 6, 8)], "f32[2,5,8], f32[2,6,7], f32[2,6,8]"),
    ("attention", "", [(2, 5, 8), (2, 6, 8), (2, 6, 8), (5, 5)], "f32[2,1,5,6]; got f32[5,5]"),
]


@pytest.mark.parametrize("tag, keys, shapes, said", REFUSED, ids=[f"{r[0]}-{i}" for i, r in enumerate(REFUSED)])
def test_what_does_not_fit_is_refused_with_the_shapes(tag, keys, shapes, said):
    with pytest.raises(WorkbenchError) as refusal:
        infer(tag, keys, *shapes)
    assert said in refusal.value.problem


OPEN = [
    ("reshape", "shape=-1,64,-1", [(-1, 8, 16, 3)], (-1, 64, 6)),
    ("reshape", "shape=0,-1", [(-1, 8, 3)], (-1, 24)),
    ("reshape", "shape=-1,4", [(-1, 8)], (-1, 4)),  # rows leave the channels
    ("reshape", "shape=-1,2,8", [(-1, 8)], (-1, 2, 8)),  # and go back
    ("eltwise", "mode=add", [(-1, 3, 5), (1, 3, 1), (5,)], (-1, 3, 5)),
    ("matmul", "", [(-1, 3, 5), (5, 7)], (-1, 3, 7)),
    ("concat", "axis=0", [(-1, 3), (2, 3)], (-1, 3)),
    ("gather", "axis=0", [(10, 3), (-1, 7, "i32")], (-1, 7, 3)),
    ("expand", "factor=1,1,1", [(1, 1, 5), (-1, 4, 5)], (-1, 1, 5)),
    ("window", "mode=merge size=2 shape=4,4", [(-1, 4, 3)], (-1, 4, 4, 3)),
]


@pytest.mark.parametrize("tag, keys, shapes, shape", OPEN, ids=[f"{r[0]}-{i}" for i, r in enumerate(OPEN)])
def test_an_open_batch_stays_on_axis_0(tag, keys, shapes, shape):
    assert infer(tag, keys, *shapes) == [shape]


def class_token_graph():
    """A class token from the weights file put before the tokens of an open batch, times a matrix of the config."""
    lines = [("const", "shape=1,1,2 dtype=f32", (), "CLS"), ("expand", "factor=1,1,1", ("CLS", "X"), "EACH"),
             ("concat", "axis=1", ("EACH", "X"), "ALL"), ("matrix", "mode=eye img_size=2", (), "EYE"),
             ("matmul", "", ("ALL", "EYE"), "Y")]  # fmt: skip
    nodes = [Node(0, Input(shape=(-1, 3, 2), dtype="f32"), (), ("X",))]
    specs = {"X": TensorSpec((-1, 3, 2))}
    for tag, keys, inputs, output in lines:
        nodes.append(Node(len(nodes), make(tag, keys), inputs, (output,)))
        specs[output] = nodes[-1].layer.infer(*(specs[t] for t in inputs))[0]
    return Graph(nodes, ("Y",), specs=specs)


@pytest.mark.parametrize(
    "build", [OpenVINOEngine.build, ReferenceEngine, lambda g, w: ReferenceEngine(g, w, precision="f64")]
)
@pytest.mark.parametrize("batch", [1, 3])
def test_constants_join_an_open_batch_in_every_precision(build, batch):
    graph, token = class_token_graph(), np.array([[[0.5, -2]]], np.float32)
    assert graph.specs["Y"].shape == (-1, 4, 2)
    x = np.arange(batch * 6, dtype=np.float32).reshape(batch, 3, 2)
    y = build(graph, {1: {"w": token}}).run(x)["Y"]
    np.testing.assert_array_equal(y, np.concatenate([token.repeat(batch, 0), x], 1))


def test_merge_undoes_partition():
    x = torch.randn(2, 7, 5, 3)
    windows = make("window", "mode=partition size=4,3").reference(torch, {}, x)
    assert windows.shape == (8, 12, 3)
    assert torch.equal(
        windows[1].reshape(4, 3, 3)[:, :2], x[0, :4, 3:]
    )  # the second window, its third column is padding
    assert torch.equal(make("window", "mode=merge size=4,3 shape=7,5").reference(torch, {}, windows), x)


def test_an_index_out_of_range_is_told():
    with pytest.raises(WorkbenchError, match="from -3 to 2; got 0 to 3"):
        make("gather", "axis=1").reference(torch, {}, torch.zeros(2, 3), torch.tensor([0, 3]))
