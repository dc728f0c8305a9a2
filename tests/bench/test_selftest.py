"""workbench selftest, with the emulator in the GPU's place: the same steps, and a record that can be read again."""

import json
import shutil

import pytest

from cuda_ops.emulator.compile import compiler
from workbench.bench.selftest import Selftest
from workbench.cli import main
from workbench.layers import LAYERS
from workbench.layers.softmax import Softmax

pytestmark = [
    pytest.mark.emulator,
    pytest.mark.skipif(not shutil.which(compiler()[0]), reason="the emulator needs g++"),
]


def test_every_layer_and_a_port_agree(tmp_path, capsys):
    file = tmp_path / "record.json"
    assert main(["selftest", "--emulator", "--port", "digits", "--json", str(file)]) == 0
    record = json.loads(file.read_text())
    assert record["engine"] == "emulator" and record["device"].startswith("CUDA emulator") and not record["left_out"]
    with_cases = {t for t, c in LAYERS.items() if c.cuda and c.CASES and c.__module__.startswith("workbench.")}
    assert {row["name"] for row in record["layers"]} == with_cases and not any(r["failed"] for r in record["layers"])
    (batch,) = record["ports"][0]["batches"]
    assert batch["passed"] and batch["errors"]["PROBABILITY"] < batch["tolerance"] and batch["workbench_bytes"] > 0
    assert "1 of 1 networks agree" in capsys.readouterr().out


def test_a_wrong_kernel_and_a_spent_budget_are_told(monkeypatch):
    right = Softmax.cuda
    monkeypatch.setattr(Softmax, "cuda", lambda self, plan, x, w: x[0])
    rows = {row["name"]: row for row in Selftest("emulator", 300, lambda text: None).layers()}
    assert "allowed" in rows["softmax"]["failed"][0] and not rows["argmax"]["failed"]
    monkeypatch.setattr(Softmax, "cuda", right)
    record = Selftest("emulator", 0, lambda text: None).run(())
    assert len(record["layers"]) == 1 and "the 0 s were spent" in record["left_out"][0]


def test_an_unknown_port_is_told_before_anything_runs(capsys):
    assert main(["selftest", "--cuda", "--port", "nothing"]) == 2
    assert "no port is named 'nothing'" in capsys.readouterr().err
