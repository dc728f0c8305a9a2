"""The V4 dialect: named in one error, and rewritten as V5.1 wherever that has the same thing."""

import numpy as np
import pytest

from workbench.cli import main
from workbench.config.document import Document
from workbench.config.parse import parse_config
from workbench.config.v4 import convert, recognise
from workbench.engines.build import build_engine, load_network
from workbench.errors import WorkbenchError
from workbench.weights import plan_weights

V4 = """\
[system]
license_file=$LICENSE_FILE device_id=0
platform=nvidia engine_serialize=$ENGINE_SERIALIZE   # 1 builds
log_console=1 precision_mode=32

[model] name=inception-like
framework=pytorch input=XX,$BATCH,8,8,3,u8

[default] type=conv2d kernel=1 stride=1 pad=same weight_order=wa act=leaky,0.2
[default] type=pooling mode=max stride=2
[preproc] mode=x input_mode=hwc3_bgr8 norm_mode=m1p1 output=IMAGE
[conv2d] channel=4 output=A # kept
[conv2d] input=A channel=4 kernel=3 output=B  [concat] input=A,B axis=0
[pooling] kernel=2 pad=valid output=P
[upsample] factor_size=2
[trans] order=1,2,0 output=T*
[reshape] input=P shape=8,-1
[dense] unit=3 weight_order=wa act=linear
[softmax] axis=-1 output=FINAL* [end]
notes
"""
PARAMS = {"LICENSE_FILE": "k", "ENGINE_SERIALIZE": 1, "BATCH": 2}
WANT = """\
[model] make_engine=1 prec_mode=f32
[input] refname=XX shape=2,8,8,3 dtype=u8
[preproc] mode=generic hwc=1 bgr=1 mean=127.5 std=127.5 pre_order=0 refname=IMAGE
[conv2d] channel=4 kernel=1 pad_tf=same act=leaky act_alpha=0.2 refname=A
[conv2d] channel=4 kernel=3 pad_tf=same act=leaky act_alpha=0.2 refname=B
[concat] input=A,B axis=1
[pool2d] kernel=2 stride=2 pad_tf=valid refname=P
[upsample] factor=2
[trans] order=0,2,3,1 refname=T
[reshape] input=P shape=2,8,-1
[dense] hidden=3
[softmax] axis=-1 refname=FINAL
[output] refname=T,FINAL
"""


def test_a_v4_config_is_told_in_one_error():
    with pytest.raises(WorkbenchError) as error:
        parse_config(V4, PARAMS, file="old.cfg")
    assert str(error.value).startswith("old.cfg:1:1 this config is in the V4 dialect ([system])")
    assert "workbench convert-v4 old.cfg" in error.value.note
    bare = "[model] name=m input=X,1,3,f32 [softmax] axis=0"
    assert "input= in [model]" in str(recognise(Document(bare)))
    assert recognise(Document(WANT)) is None


def test_what_has_an_equivalent_is_rewritten_and_computes_the_same():
    document = Document(V4, "old.cfg")
    left = [str(problem) for problem in convert(document)]
    assert "# 1 builds" in document.text and "# kept" in document.text and document.text.endswith("[end]\nnotes\n")
    assert recognise(document) is None
    assert [problem.partition(" ")[0] for problem in left] == ["old.cfg:1:1", "old.cfg:6:1"]
    assert "platform=nvidia is dropped" in left[0] and "framework=pytorch is dropped" in left[1]
    graph, want = parse_config(document, PARAMS).graph, parse_config(WANT).graph
    assert [(n.layer, n.act, n.inputs) for n in graph][:4] == [(n.layer, n.act, n.inputs) for n in want][:4]
    assert [n.layer for n in graph] == [n.layer for n in want] and graph.outputs == want.outputs
    x = np.random.default_rng(1).integers(0, 256, (2, 8, 8, 3)).astype(np.uint8)
    count = plan_weights(load_network(WANT, None, np.empty(0, np.float32)).parsed.graph).count
    values = np.random.default_rng(0).standard_normal(count).astype(np.float32)
    with build_engine(document, PARAMS, values) as a, build_engine(WANT, None, values) as b:
        for name, y in a.run(x).items():
            np.testing.assert_array_equal(y, b.run(x)[name])


@pytest.mark.parametrize("old, new", [
    ("[preproc] input_mode=hwc3_bgr8 resize=8,6 resize_mode=none norm_mode=zp1ms mean_rgb=0.485,0.456,0.406 "
     "std_rgb=0.229,0.224,0.225",
     "[preproc] mode=generic hwc=1 bgr=1 mean=123.675,116.28,103.53 std=58.395,57.12,57.375 pre_order=0"),
    ("[fc] unit=4 weight_order=wa act=relu", "[dense] hidden=4 weight_order=wa act=relu"),
    ("[batchnorm] weight_order=rbmv bn_eps=2e-5", "[bn] weight_order=rbmv bn_eps=2e-5"),
    ("[act] mode=leaky,0.2", "[activation] act=leaky act_alpha=0.2"),
    ("[default] type=pooling mode=gavg pad=valid [pooling] kernel=-1", "[pool2d] mode=adapavg output_size=1"),
    ("[pooling] mode=gavg kernel=-1 pad=0", "[pool2d] mode=adapavg"),
    ("[reshape] input=XX before_trans=1,2,0 shape=-1,2 output=Q",
     "[trans] order=0,2,3,1 [reshape] shape=2,-1,2 refname=Q"),
    ("[reshape] shape=4,-1 after_trans=1,0", "[reshape] shape=2,4,-1 [trans] order=0,2,1"),
    ("[reshape] before_trans=1,0,2", "[trans] order=0,2,1,3"),
    ("[const] dim=1,1,1 value=2 dtype=f32 [eltwise] mode=prod input=XX,*",
     "[const] shape=1,1,1,1 value=2 dtype=f32 [eltwise] mode=prod input=XX,*"),
    ("[reduce] mode=sum axis=1,2 keep_dims=0", "[reduce] mode=sum axis=2,3 keepdim=0"),
    ("[matmul] input=XX,XX trans=0,1", "[matmul] input=XX,XX trans_b=1"),
    ("[pad] mode=reflect tblr=1,2,1,2", "[pad] mode=reflect pad=1,2,1,2"),
    ("[resize] scale_factor=2 align_corner=1 resize_mode=bilinear", "[resize] factor=2 corner_align=1"),
    ("[default] type=conv2d bias=False [conv2d] channel=2 kernel=1", "[conv2d] channel=2 kernel=1"),
])  # fmt: skip
def test_each_word_with_an_equivalent(old, new):
    """The words of some fifty V4 configs from the field."""
    sizes, dtype = ("8,6,3", "u8") if "preproc" in old else ("4,8,6", "f32")
    document = Document(f"[system]\n[model] name=m input=XX,2,{sizes},{dtype}\n{old}\n")
    left = [problem for problem in convert(document) if "is dropped" not in problem.problem]
    assert not left
    got = parse_config(document).graph
    want = parse_config(f"[input] refname=XX shape=2,{sizes} dtype={dtype}\n{new}\n[output] refname=*").graph
    assert [(n.layer, n.act, n.inputs[:1]) for n in got] == [(n.layer, n.act, n.inputs[:1]) for n in want]


@pytest.mark.parametrize("line, says", [
    ("[detect] mode=yolov5 class_count=3 grid_stride=8 output=D", "4:1 [detect] its boxes and scores are one tensor"),
    ("[nms] mode=yolov5 nms_threshold=0.45", "4:1 [nms] it reads one tensor"),
    ("[deform] x=1", "4:1 [deform] V5.1 here has no such layer"),
    ("[preproc] input_mode=hwc3_bgr8 resize=8,8", "resize=8,8: V5.1's layer has no such key"),
    ("[pooling] mode=l2", "mode=l2: expected one of max"),
    ("[preproc] input_mode=hwc3_bgr8 norm_mode=zp1ms mean_rgb=123,116,103 std_rgb=1,1,1",
     "mean_rgb=123,116,103: V5.1's"),
    ("[reshape] before_trans=h,w shape=-1", "is no list of axes"),
    ("[concat] axis=x", "axis=x: add the batch axis by hand"),
])  # fmt: skip
def test_what_has_none_is_listed_and_left_as_it_was(line, says):
    document = Document(f"[system]\n\n[model] name=m input=X,1,3,8,8,f32\n{line}\n", "old.cfg")
    left = "\n".join(map(str, convert(document)))
    assert says in left, left
    assert "[output] refname=*" in document.text


def test_the_command(tmp_path, capsys):
    old, new = tmp_path / "old.cfg", tmp_path / "new.cfg"
    old.write_text(V4)
    assert main(["convert-v4", str(old), "--out", str(new)]) == 1
    assert "platform=nvidia is dropped" in capsys.readouterr().err
    assert old.read_text() == V4 and parse_config(new, PARAMS).graph.outputs == ("T", "FINAL")
    assert main(["convert-v4", str(new)]) == 2
