"""The parser: what configs mean, and every error with its place and its fix."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.config.dictionary import Dictionary, Row
from workbench.config.document import Document
from workbench.config.parse import parse_config, parse_partial
from workbench.errors import Where, WorkbenchError, WorkbenchErrors
from workbench.graph import Act

HEAD = "[input] refname=X shape=1,4,8,8 dtype=f32\n"
TAIL = "\n[output] refname=*\n[end]"


def nodes(text, params=None):
    """The nodes below [input], of lines that stand between HEAD and TAIL."""
    return parse_config(HEAD + text + TAIL, params).graph.nodes[1:]


def told(parsed):
    return [f"{'' if not e.where else e.where} {e.problem}".strip() for e in parsed.errors]


def test_a_whole_config():
    text = """[model] name=$NAME # comment
    make_engine=0
    [input] refname=IMAGE shape=$BATCH,3,$SIZE dtype=u8
    [default] type=conv2d kernel=3 act=relu
    [conv2d] channel=$N*2+1 [conv2d] channel=4 act=clip act_alpha=-1
    act_beta=1 kernel=1,5 refname=Y
    [eltwise] mode=add input=Y,* name=layer1.0@1/add.0:1 view=order:0,2,1 prec_mode=f16
    refname=Z [output] refname=Z,Y [end] [conv2d] channel=$NEVER
    """
    parsed = parse_config(text, "NAME=m BATCH=2 SIZE=16,20 N=3 UNUSED=1", file="a.cfg")
    graph, ids = parsed.graph, [e.id for e in parsed.document.entries]
    assert not parsed.warnings and graph.model == {"name": "m", "make_engine": "0"}
    assert (graph.inputs, graph.outputs, graph.file) == (("IMAGE",), ("Z", "Y"), "a.cfg")
    image, first, second, add = graph.nodes
    assert image.layer.shape == (2, 3, 16, 20) and image.layer.dtype == "u8"
    assert (first.layer.channel, first.layer.kernel, first.act) == (7, (3, 3), Act("relu"))
    assert (first.inputs, first.outputs) == (("IMAGE",), ("conv2d_1",))
    assert (second.layer.kernel, second.act) == ((1, 5), Act("clip", -1.0, 1.0))
    assert (add.inputs, add.tie, add.view, add.prec_mode) == (("Y", "Y"), "layer1.0@1/add.0:1", "order:0,2,1", "f16")
    assert [n.index for n in graph.nodes] == [0, 1, 2, 3] and add.entry == ids[5]
    assert add.where == Where("a.cfg", 7, 5)


def test_star_is_the_first_output_of_the_line_just_before():
    lines = "[chunk] count=2 axis=1 refname=A\n[activation]\n[concat] input=chunk_1_1,* axis=1"
    split, after, last = nodes(lines)
    assert split.outputs == ("A", "chunk_1_1")
    assert after.inputs == ("A",) and last.inputs == ("chunk_1_1", "activation_1")


def test_automatic_names_count_lines_and_avoid_refnames():
    a, b, c = nodes("[activation]\n[softmax] refname=activation_1\n[activation]")
    assert [n.outputs[0] for n in (a, b, c)] == ["activation_1_", "activation_1", "activation_2"]
    broken = parse_partial(HEAD + "[activation] act=none\n[activation] input=X" + TAIL)
    assert broken.graph.nodes[-1].outputs == ("activation_2",), "a line's name does not depend on others' errors"


def test_the_newest_of_two_refnames_counts():
    parsed = parse_config(HEAD + "[activation] refname=A\n[activation] input=A refname=A\n[softmax] input=A" + TAIL)
    first, second, last = parsed.graph.nodes[1:]
    assert (first.outputs, second.inputs, second.outputs, last.inputs) == (("A~1",), ("A~1",), ("A",), ("A",))
    (warning,) = parsed.warnings
    assert str(warning.where) == "<config>:3:30" and "refname 'A' is given in line 2 already" in warning.problem


def test_defaults_hold_for_later_lines_and_yield_to_their_own():
    lines = "[conv2d] channel=1 kernel=1\n[default] type=conv2d kernel=3 act=silu\n[default] type=conv2d stride=2\n"
    before, after, own = nodes(lines + "[conv2d] channel=1\n[conv2d] channel=1 act=identity stride=1")
    assert (before.act.name, before.layer.stride) == ("identity", (1, 1))
    assert (after.act.name, after.layer.kernel, after.layer.stride) == ("silu", (3, 3), (2, 2))
    assert (own.act.name, own.layer.kernel, own.layer.stride) == ("identity", (3, 3), (1, 1))


def test_weights_are_shared_by_name():
    a, b = nodes("[conv2d] channel=4 kernel=1 weight=W source=w:a.b,a:c\n[conv2d] channel=4 kernel=1 refweight=W")
    assert (a.weight, a.source, b.refweight) == (("W",), {"w": "a.b", "a": "c"}, ("W",))


def test_an_open_batch():
    (node,) = parse_config("[input] refname=X shape=$B,3 dtype=f32 [output] refname=*", {"B": -1}).graph.nodes
    assert node.layer.shape == (-1, 3)


BAD = {
    "unknown layer": ("[conv2]", "2:1 unknown layer 'conv2'", "did you mean 'conv2d'?"),
    "V4": ("[system]", "2:1 this config is in the V4 dialect ([system])", "workbench convert-v4"),
    "unknown key": (
        "[conv2d] channel=1 kernal=3 kernel=3",
        "2:20 conv2d: unknown key 'kernal'",
        "did you mean 'kernel'?",
    ),
    "V4 key": ("[conv2d] channel=1 kernel=3 output=Y", "2:29 conv2d: unknown key 'output'", "refname="),
    "missing key": ("[conv2d] channel=1 refname=S", "2:1 conv2d \"S\": missing key 'kernel'", "kernel takes integers"),
    "no integer": ("[conv2d] channel=1.5 kernel=3", "2:18 conv2d: key 'channel': expected an integer; got '1.5'", ""),
    "no number": (
        "[conv2d] channel=1 kernel=a",
        "2:27 conv2d: key 'kernel': expected integers with commas; got 'a'",
        "",
    ),
    "three of two": (
        "[conv2d] channel=1 kernel=1,2,3",
        "2:27 conv2d: key 'kernel': expected integers with commas; got '1,2,3'",
        "h,w",
    ),
    "uneven": (
        "[conv2d] channel=$N/2 kernel=1",
        "2:18 conv2d: key 'channel': expected an integer; got '7/2' (from $N/2), a division must come out even",
        "integer arithmetic",
    ),
    "32 bits": (
        "[conv2d] channel=65536*65536 kernel=1",
        "2:18 conv2d: key 'channel': expected an integer of 32 bits",
        "",
    ),
    "symbol": ("[activation] act=rely", "2:18 activation: key 'act': expected one of identity, linear, relu", ""),
    "undefined": (
        "[conv2d] channel=2*$M kernel=1",
        "2:20 conv2d: key 'channel': parameter $M is not defined",
        "given: N",
    ),
    "refname": ("[activation] input=Y", "2:20 activation: refname 'Y' is not defined", "refname="),
    "close refname": (
        "[activation] refname=Stem [softmax] input=stem",
        "2:43 softmax: refname 'stem' is not defined",
        "did you mean 'Stem'?",
    ),
    "refname below": (
        "[activation] input=Y\n[softmax] input=X refname=Y",
        "2:20 activation: refname 'Y' is defined only below",
        "earlier",
    ),
    "arity": ("[concat] axis=1", "2:1 concat: inputs: expected 2 or more; got 1 (*)", "input=A,B"),
    "arity of a list": ("[softmax] input=X,X", "2:17 softmax: inputs: expected 1; got 2 (X,X)", ""),
    "names": ("[softmax] refname=A,B", '2:19 softmax "A,B": expected at most 1 refname; got 2', "one for each"),
    "twice in a list": ("[chunk] count=2 axis=1 refname=A,A", "2:32 chunk: refname 'A' stands twice in one list", ""),
    "input's name": (
        "[softmax] refname=X",
        "2:19 softmax \"X\": refname 'X' is given in line 1 already",
        "fed by its name",
    ),
    "view": ("[softmax] view=2,1", "2:16 softmax: view: expected order:0,2,1 or shape:1,-1,64; got '2,1'", ""),
    "source": ("[conv2d] channel=1 kernel=1 source=w", "2:36 conv2d: source: expected w:PATH,a:PATH; got 'w'", ""),
    "weight": (
        "[dense] hidden=4 weight=W [dense] hidden=4 weight=W",
        "2:51 dense: weight 'W' is given already in line 2",
        "refweight=W",
    ),
    "refweight": ("[dense] hidden=4 refweight=W", "2:28 dense: refweight 'W': no line above has weight=W", ""),
    "no weights": ("[softmax] refweight=W", "2:11 softmax: unknown key 'refweight'", ""),
    "default": ("[default] type=conv2 stride=1", "2:1 default: unknown layer 'conv2'", "did you mean 'conv2d'?"),
    "default of nothing": ("[default] stride=1", "2:1 default: missing key 'type'", ""),
    "refname of a default": (
        "[default] type=conv2d refname=A",
        "2:23 default conv2d: refname cannot have a default",
        "",
    ),
    "key of a default": (
        "[default] type=conv2d stried=1",
        "2:23 default conv2d: unknown key 'stried'",
        "did you mean 'stride'?",
    ),
    "value of a default": (
        "[default] type=conv2d stride=a\n[conv2d] channel=1 kernel=1\n[conv2d] channel=1 kernel=1",
        "2:30 default conv2d: key 'stride': expected integers with commas; got 'a'",
        "",
    ),
    "output": ("[output] refname=Y", "2:18 output: refname 'Y' is not defined", ""),
    "output without": ("[output]", "2:1 output: missing key 'refname'", ""),
    "empty output": ("[output] refname=", "2:18 output: refname names no tensor", ""),
    "model": (
        "[model] prec_mode=f8",
        "2:19 model: key 'prec_mode': expected one of f32, f16, bf16, tf32; got 'f8'",
        "",
    ),
    "type in model": ("[model] device_id=x", "2:19 model: key 'device_id': expected an integer; got 'x'", ""),
    "in model": ("[model] name=$M", "2:14 model: key 'name': parameter $M is not defined", ""),
    "input without": ("[input] shape=1 dtype=f32", "2:1 input: missing key 'refname'", "name"),
    "too many outputs": (
        "[chunk] count=2000000000 axis=1",
        "2:1 chunk: expected 1 to 1024 outputs; got 2000000000",
        "",
    ),
    "lexer": ("[softmax] axis = 1", "2:16 expected key=value or [section]; got '='", "no blanks around '='"),
}


@pytest.mark.parametrize("line, problem, note", BAD.values(), ids=BAD)
def test_every_error_has_its_place_and_its_fix(line, problem, note):
    with pytest.raises(WorkbenchError) as caught:
        parse_config(HEAD + line + TAIL, {"N": 7}, file="f.cfg")
    first = getattr(caught.value, "errors", [caught.value])
    hit = [e for e in first if f"{e.where} {e.problem}".startswith(f"f.cfg:{problem}")]
    assert len(hit) == 1, str(caught.value)
    assert note in hit[0].note


@pytest.mark.parametrize(
    "text, problem",
    [
        ("", ["f.cfg no [input]", "f.cfg no [output]"]),
        (
            "[output] refname=*",
            ["f.cfg no [input]", "f.cfg:1:18 output: '*' means the layer just before, and there is none"],
        ),
        (HEAD + "#[output] refname=*", ["f.cfg no [output]"]),
        (HEAD + "[end] [output] refname=*", ["f.cfg no [output]"]),
        (
            HEAD + "[softmax]\n[input] refname=X shape=1 dtype=f32" + TAIL,
            ["f.cfg:3:17 input \"X\": refname 'X' is given in line 1 already"],
        ),
    ],
)
def test_what_a_file_must_have(text, problem):
    assert told(parse_partial(text, file="f.cfg")) == problem


def test_a_shared_weight_of_a_line_with_errors_is_told_once():
    parsed = parse_partial(HEAD + "[dense] hidden=a weight=W\n[dense] input=X hidden=4 refweight=W" + TAIL, file="f")
    assert [str(e.where) for e in parsed.errors] == ["f:2:16"]


def test_errors_come_together_in_order_and_only_causes():
    text = (
        HEAD
        + "[conv2d] channel=a kernel=b stried=1 refname=A\n[softmax] input=A\n[softmax] axis=z input=A\n[concat] axis=1"
        + TAIL
    )
    parsed = parse_partial(text, file="f")
    assert [str(e.where) for e in parsed.errors] == ["f:2:18", "f:2:27", "f:2:29", "f:4:16", "f:5:1"]
    assert parsed.graph.inputs == ("X",) and len(parsed.graph.nodes) == 1 and parsed.graph.outputs == ()
    with pytest.raises(WorkbenchErrors) as caught:
        parsed.raise_errors()
    assert len(caught.value.errors) == 5


@pytest.mark.parametrize(
    "line, warning",
    [
        ("[model] nmae=x", "2:9 model: unknown key 'nmae' is ignored"),
        ("[softmax] axis=1 axis=2", "2:18 softmax: key 'axis' is given again; the last counts"),
        ("[output] refname=X,X", "2:1 output: 'X' is given twice; it is returned once"),
        (
            "[model] dict_file=no/such.dct",
            " model: dict_file no/such.dct does not exist; the built-in dictionary is used",
        ),
    ],
)
def test_warnings(line, warning):
    parsed = parse_config(HEAD + line + TAIL, file="f")
    assert warning in [f"{e.where} {e.problem}".removeprefix("f:").removeprefix("f") for e in parsed.warnings]


def test_without_output_a_partial_graph_ends_at_its_last_layer():
    assert parse_partial(HEAD + "[activation]").graph.outputs == ("activation_1",)


def test_sources(tmp_path):
    path = tmp_path / "a.cfg"
    path.write_text(HEAD + TAIL)
    for source in (path, str(path), Document.read(path), Document(HEAD + TAIL, str(path))):
        parsed = parse_config(source)
        assert parsed.graph.nodes[0].where.file == str(path)
    with pytest.raises(WorkbenchError, match="cannot read the config"):
        parse_config(tmp_path / "b.cfg")


class TestDictionary:
    """The config's own dictionary changes what its lines may say."""

    def parse(self, tmp_path, rows, line, argument=False):
        dictionary = Dictionary(rows)
        path = tmp_path / "a.dct"
        dictionary.write(path)
        if argument:
            return parse_partial(HEAD + line + TAIL, dictionary=Dictionary.read(path))
        return parse_partial(f"[model] dict_file={path}\n" + HEAD + line + TAIL)

    def test_defaults(self, tmp_path):
        rows = [Row("conv2d", "kernel", "vi32", "5"), Row("conv2d", "channel", "i32", "2", require=True)]
        parsed = self.parse(tmp_path, rows, "[conv2d] channel=1")
        assert not parsed.errors and parsed.graph.nodes[1].layer.kernel == (5, 5)

    @pytest.mark.parametrize(
        "row, line, problem",
        [
            (Row("softmax", "axis", "i32", require=True), "[softmax]", "softmax: missing key 'axis'"),
            (
                Row("eltwise", "mode", "s", "", ("add",), True),
                "[eltwise] mode=mul input=X,X",
                "eltwise: key 'mode': expected one of add; got 'mul'",
            ),
            (
                Row("base", "act", "s", "", ("relu",)),
                "[softmax] act=silu",
                "softmax: key 'act': expected one of relu; got 'silu'",
            ),
            (Row("warp", "grid", "s"), "[warp] grid=1", "layer 'warp' is known to {file}, but not implemented here"),
            (
                Row("softmax", "algo", "s", "a"),
                "[softmax] algo=b",
                "softmax: key 'algo' is known to {file}, but softmax does not implement it here",
            ),
            (
                Row("softmax", "axis", "s", "x"),
                "[softmax]",
                "dictionary, layer softmax: key 'axis': expected an integer; got 'x'",
            ),
            (Row("model", "name", "s", require=True), "[softmax]", "model: missing key 'name'"),
        ],
    )
    def test_errors(self, tmp_path, row, line, problem):
        (error,) = self.parse(tmp_path, [row], line).errors
        assert error.problem == problem.format(file=tmp_path / "a.dct")

    def test_a_key_without_effect_may_say_its_default(self, tmp_path):
        parsed = self.parse(tmp_path, [Row("softmax", "algo", "s", "a")], "[softmax] algo=a")
        assert not parsed.errors and "'algo' has no effect here" in parsed.warnings[0].problem

    def test_layers_only_the_dictionary_knows_do_no_harm_unused(self, tmp_path):
        assert not self.parse(tmp_path, [Row("warp", "grid", "s")], "[softmax]").errors

    def test_as_an_argument(self, tmp_path):
        parsed = self.parse(tmp_path, [Row("conv2d", "kernel", "vi32", "5")], "[conv2d] channel=1", argument=True)
        assert parsed.graph.nodes[1].layer.kernel == (5, 5)

    def test_bad_files_are_told(self, tmp_path):
        (tmp_path / "b.dct").write_text("softmax\taxis\n")
        (error,) = parse_partial(f"[model] user_dict_file={tmp_path / 'b.dct'}\n" + HEAD + TAIL).errors
        assert "expected 6 to 9 tab-separated columns; got 2" in error.problem


WORDS = """
    [conv2d] [chunk] [input] [output] [default] [model] [concat] [reshape] [end] channel=3 kernel=3 count=2 axis=1
    refname=A refname=A,B refname=* input=A input=*,A input=B shape=1,3,8,8 dtype=f32 type=conv2d act=relu name=$A
    shape=$B*2,-1 weight=W refweight=W dict_file=x = # x=y stride=((
"""


@given(st.lists(st.sampled_from([*WORDS.split(), "\n"]), max_size=30).map(" ".join))
@settings(max_examples=300, deadline=None)
def test_any_text_gives_problems_never_a_crash(text):
    parsed = parse_partial(Document(text), {"A": 1, "B": "2,3"})
    tensors = [t for node in parsed.graph.nodes for t in node.outputs]
    assert len(tensors) == len(set(tensors))
    known: set[str] = set()
    for node in parsed.graph.nodes:
        assert set(node.inputs) <= known
        known |= set(node.outputs)
    assert set(parsed.graph.outputs) <= known


@pytest.mark.slow
def test_a_long_config(capsys):
    """100,000 lines: the time is shown; the limit only tells linear from quadratic."""
    line = "[conv2d] channel=32 kernel=3 pad=1 weight_order=wa act=silu refname=T{} # comment\n"
    text = HEAD + "".join(map(line.format, range(100_000))) + TAIL
    start = time.perf_counter()
    parsed = parse_config(text)
    seconds = time.perf_counter() - start
    with capsys.disabled():
        print(f" {seconds:.1f} s for 100,000 lines", end="")
    assert len(parsed.graph.nodes) == 100_001 and seconds < 60
