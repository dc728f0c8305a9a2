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


@pytest.mark.parametrize("line, says", [
    ("[detect] mode=yolov5 class_count=3 grid_stride=8 output=D", "4:1 [detect] its boxes and scores are one tensor"),
    ("[nms] mode=yolov5 nms_threshold=0.45", "4:1 [nms] it reads one tensor"),
    ("[deform] x=1", "4:1 [deform] V5.1 here has no such layer"),
    ("[preproc] input_mode=hwc3_bgr8 resize=8,8", "resize=8,8: V5.1's layer has no such key"),
    ("[pooling] mode=gavg", "mode=gavg: expected one of max"),
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
