"""What a diagnosis says beside causes: what is no fault, what cannot be judged, and what it does not know."""

import json

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from workbench import Session
from workbench.engines import reference
from workbench.engines.build import Network
from workbench.layers import LAYERS

CONFIG = """\
[input]  refname=X shape=1,3,12,12 dtype=f32 name=input
[conv2d] channel=6 kernel=3 act=relu name=1
[pool2d] kernel=2 stride=2 name=2
[conv2d] channel=4 kernel=3 name=3
[softmax] axis=1 refname=Y name=4
[output] refname=Y
"""


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 6, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 4, 3), nn.Softmax(1))


def session(config=CONFIG, net=None, **options):
    torch.manual_seed(1)
    return Session(net or network(), torch.randn(1, 3, 12, 12), config, threads=1, **options)


def test_a_right_config_says_that_the_production_engine_gives_the_same():
    found = session().diagnose()
    assert found.clean and any("checked and production engine" in note for note in found.notes), str(found)


def test_a_production_engine_that_gives_something_else_is_told_with_its_first_line(monkeypatch):
    """As fusion would: its second kernel is another than the checked engine's."""
    graph_and_weights = Network.parts.fget

    def parts(network):
        graph, weights = graph_and_weights(network)
        return graph, {i: {k: 1.01 * v for k, v in w.items()} if i == 3 else w for i, w in weights.items()}

    monkeypatch.setattr(Network, "parts", property(parts))
    found = session().diagnose()
    said = next(note for note in found.notes if "production" in note)
    assert found.clean and "other outputs" in said and "<config>:4:1" in said, str(found)


def test_drift_is_no_fault(monkeypatch):
    """Every line is off by 8 ulp, which each may be; together they have moved too far."""
    right = reference.evaluate
    monkeypatch.setattr(reference, "evaluate", lambda *a: [y * (1 + 8 * 2.0**-23) for y in right(*a)])
    net = nn.Sequential(*(nn.Tanh() for _ in range(5)))
    lines = [f"[activation] act=tanh name={i}" for i in range(5)]
    config = "\n".join(["[input] refname=X shape=1,3,12,12 dtype=f32 name=input", *lines, "[output] refname=Y", ""])
    found = session(config.replace("name=4", "name=4 refname=Y"), net, engine="reference").diagnose()
    assert found.clean and any(note.startswith("drift, not a fault: lines") for note in found.notes), str(found)


def test_random_originals_are_named_and_not_compared():
    class Random(nn.Module):
        def forward(self, x):
            return F.dropout(x, 0.5, training=True)

    config = "[input] refname=X shape=1,3,12,12 dtype=f32 name=input\n[scale] scale=2 refname=Y name=output\n"
    found = session(config + "[output] refname=Y\n", Random()).diagnose()
    assert found.side == "original" and "dropout" in found.text and not found.findings and not found.tried, str(found)


def test_dropout_of_a_module_is_off_as_in_eval_mode():
    found = session(net=nn.Sequential(*network(), nn.Dropout(0.5)).train()).diagnose()
    assert found.clean, str(found)


def test_an_engine_that_lowers_a_right_line_wrongly(monkeypatch):
    monkeypatch.setattr(LAYERS["softmax"], "openvino", lambda self, ov, w, x: ov.softmax(x, 2))
    found = session().diagnose()
    assert found.side == "engine" and found.where.line == 5 and "openvino lowering" in found.text, str(found)
    assert not found.findings and not found.tried


def test_a_config_of_a_part_of_the_model_lists_the_rest():
    lines = CONFIG.splitlines()
    found = session("\n".join([*lines[:2], "[output] refname=*", ""]).replace("act=relu", "act=relu refname=A")
                    .replace("refname=*", "refname=A")).diagnose()  # fmt: skip
    said = next(note for note in found.notes if "covered by no line" in note)
    assert found.clean and all(f" {name}" in said for name in "234"), str(found)


def test_a_line_without_a_name_is_matched_by_its_values():
    """The pool has no name and is right: its values are those of one tensor alone, so the wrong line is the softmax."""
    config = CONFIG.replace("stride=2 name=2", "stride=2").replace("[conv2d] channel=4 kernel=3 name=3\n", "")
    net = network()
    net = nn.Sequential(net[0], net[1], net[2], nn.Identity(), net[4])
    assert session(config, net).diagnose().clean
    found = session(config.replace("axis=1", "axis=2"), net).diagnose()
    said = next(note for note in found.notes if "no name=" in note)
    assert "by its values" in said and "pool2d" in said and said.endswith("equals 2"), str(found)
    assert [f.cause for f in found.findings] == ["softmax_axis"] and found.where.line == 4
    wrong = session(config.replace("kernel=2 stride=2", "mode=avg kernel=2 stride=2"), net).diagnose()
    assert not any("by its values" in note for note in wrong.notes), str(wrong)
    assert [f.cause for f in wrong.findings] == ["pool_mode"], str(wrong)


@pytest.mark.parametrize("old, new, said", [
    ("stride=2", "stride=3", "expected [1, 6, 5, 5], as the original has it; got [1, 6, 3, 3]"),
    ("[softmax] axis=1", "[simpleop] mode=log", "NaN or Inf"),
])  # fmt: skip
def test_other_shapes_and_nan_are_named(old, new, said):
    found = session(CONFIG.replace(old, new)).diagnose()
    assert not found.clean and said in found.text, str(found)


def test_time_bounds_locating_too():
    right = session()
    assert right.diagnose().clean
    found = right.diagnose(seconds=0)
    assert found.side == "time" and not found.clean and found.where.line == 3, str(found)
    right.document.replace_text(CONFIG.replace("act=relu", "act=gelu"))
    late = right.diagnose(seconds=0)
    assert late.where.line == 2 and not late.findings and "time ran out: not every cause was tried" in late.notes


def test_it_is_written_as_json_and_html():
    found = session(CONFIG.replace("act=relu", "act=silu")).diagnose()
    told = json.loads(found.json())
    assert told["line"] == 2 and told["side"] == "config" and told["findings"][0]["cause"] == "activation"
    assert "act=relu" in told["findings"][0]["diff"] and "matches if" in found.html() and "<script" not in found.html()
