"""A session from its first line to the engine: verdicts, edits, weights, and what a wrong line or model says."""

import json
import re

import numpy as np
import pytest
import torch
from torch import nn

from workbench import Session, WorkbenchError, build_engine
from workbench.compare.result import Status

CONFIG = """\
[input] refname=X shape=2,3,8,8 dtype=f32
[conv2d] channel=4 kernel=3 pad=1 act=relu refname=A name=1
[conv2d] input=A channel=4 kernel=1 refname=B name=2
[eltwise] mode=add input=A,B refname=C name=/add.0
[output] refname=C
"""


class Net(nn.Sequential):
    """conv, relu, conv, and a sum that only an operator tie can name."""

    def __init__(self):
        super().__init__(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 4, 1))

    def forward(self, x):
        a = self[1](self[0](x))
        return a + self[2](a)


@pytest.fixture
def session():
    torch.manual_seed(0)
    return Session(Net(), torch.randn(2, 3, 8, 8), CONFIG)


def test_a_right_config_passes_and_becomes_an_engine(session, tmp_path):
    report = session.check()
    assert report.passed and report.first_bad is None
    assert [str(r.status) for r in report.lines] == ["passed"] * 3
    assert report.production["C"] < 1e-6 and not report.uncovered
    session.write_weights(tmp_path / "net.weights")
    with session.build() as engine, build_engine(CONFIG, weights=tmp_path / "net.weights") as alone:
        x = session.example.numpy()
        with torch.inference_mode():
            want = session.model(session.example).numpy()
        np.testing.assert_allclose(engine.run(x)["C"], want, atol=2e-6)
        np.testing.assert_array_equal(alone.run(x)["C"], engine.run(x)["C"])


@pytest.mark.parametrize(
    "old, new, line",
    [
        (" act=relu", "", 2),
        (" act=relu", " act=relu6", None),  # nothing here exceeds 6: the same tensor, honestly passed
        ("pad=1", "pad_tf=same stride=1", None),
        ("mode=add", "mode=sub", 4),
        ("input=A,B", "input=A,A", 4),
    ],
)
def test_the_first_wrong_line_is_found(session, old, new, line):
    session.document.replace_text(CONFIG.replace(old, new))
    report = session.check()
    bad = report.first_bad
    assert (bad.node.where.line if bad else None) == line, str(report)
    if line:
        assert bad.isolated.side == "config" and not report.passed
        assert all(r.status is Status.PASSED for r in report.lines if r.node.where.line < line)


def test_a_zeroed_weight_cannot_pass(session):
    values = session.weights().values
    for row in session.weights().ledger.rows:
        spoiled = values.copy()
        spoiled[row.offset : row.offset + row.count] = 0
        with build_engine(CONFIG, weights=spoiled) as engine, session.build() as right:
            x = session.example.numpy()
            assert np.abs(engine.run(x)["C"] - right.run(x)["C"]).max() > 1e-3, row


def test_line_by_line_as_a_porter_works():
    torch.manual_seed(0)
    session = Session(Net(), torch.randn(2, 3, 8, 8))
    assert "[input] refname=X shape=2,3,8,8 dtype=f32" in repr(session) and "name=0" in repr(session)
    lines = CONFIG.splitlines()
    assert session.append(lines[0]) == []
    (first,) = session.append(lines[1])
    assert first.status is Status.PASSED and "equals 1" in str(first)
    (wrong,) = session.append(lines[2].replace("name=2", "name=2 act=tanh"))
    assert wrong.status is Status.FAILED
    (right,) = session.replace(wrong.node.entry, lines[2])
    assert right.status is Status.PASSED
    with pytest.raises(WorkbenchError, match=r":4:.*unknown key 'mod'"):
        session.append(lines[3].replace("mode", "mod"))
    assert session.undo() and session.append("\n".join(lines[3:]))
    assert session.check().passed


def test_what_a_wrong_tie_says(session):
    session.document.replace_text(CONFIG.replace("name=2", "name=3"))
    with pytest.raises(WorkbenchError, match=r":3:1 conv2d \"B\": the original has no tensor '3'"):
        session.check()


def test_a_line_without_a_tie_is_judged_by_the_next_one(session):
    session.document.replace_text(CONFIG.replace(" name=2", " act=tanh source=w:2.weight,a:2.bias"))
    report = session.check()
    assert [str(r.status) for r in report.lines] == ["passed", "not checked", "failed"]
    assert report.lines[1].judged_by.where.line == 4 and report.first_bad.node.where.line == 4


def test_lines_without_any_tie_are_matched_and_their_ties_kept(session, tmp_path):
    config = tmp_path / "net.cfg"
    config.write_text(re.sub(r" name=\S+", "", CONFIG).replace("2,3,8,8", "-1,3,8,8"))
    untied = Session(session.model, session.example, config)
    report = untied.check()
    assert [str(r.status) for r in report.lines] == ["passed"] * 3
    assert any("3 of 3 lines without name= were matched by structure" in w for w in report.warnings)
    assert [n.tie for n in untied.graph().body] == ["1", "2", "output"]

    written = json.loads(untied.write_ties().read_text())
    written["ties"]["C"]["tie"] = "2"
    (tmp_path / "net.cfg.ties.json").write_text(json.dumps(written))
    report = Session(session.model, session.example, config).check()
    assert report.first_bad.node.where.line == 4 and any("net.cfg.ties.json" in w for w in report.warnings)

    (tmp_path / "net.cfg.ties.json").write_text("{}")
    with pytest.raises(WorkbenchError, match="not a file of ties"):
        Session(session.model, session.example, config).check()
    with pytest.raises(WorkbenchError, match="no line was matched"):
        session.write_ties(tmp_path / "none.json")


def test_a_float64_original_is_checked_in_float32():
    torch.manual_seed(0)
    session = Session(Net().double(), torch.randn(2, 3, 8, 8).double(), CONFIG)
    report = session.check()
    assert report.passed and report.production["C"] < 1e-6 and session.diagnose().clean


def test_a_part_left_out_is_listed(session):
    session.document.replace_text("\n".join([*CONFIG.splitlines()[:2], "[output] refname=A\n"]))
    report = session.check()
    assert report.passed and "2" in report.uncovered


def test_a_forward_that_fails_names_its_module():
    session = Session(Net(), torch.randn(2, 5, 8, 8), CONFIG)
    with pytest.raises(WorkbenchError, match=r"module '0' \(Conv2d\)"):
        session.check()


def test_a_random_model_is_named():
    class Random(Net):
        def forward(self, x):
            return super().forward(x) + torch.randn_like(x[:, :1])

    report = Session(Random(), torch.randn(2, 3, 8, 8), CONFIG).check()
    assert any("random" in w or "every run" in w for w in report.warnings)


def test_reports_in_every_form(session):
    session.document.replace_text(CONFIG.replace(" act=relu", ""))
    report = session.check()
    told = json.loads(report.json())
    assert told["passed"] is False and told["lines"][0]["status"] == "failed"
    assert report.csv().splitlines()[1].startswith("2,")
    assert "<table>" in report._repr_html_() and "✗" in str(report)


def test_a_port_on_every_precision():
    for precision in ("f32", "bf16"):
        report = Session.of_port("digits", precision=precision).check()
        assert report.passed, str(report)
