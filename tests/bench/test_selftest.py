"""workbench selftest, with the emulator in the GPU's place: the same steps, and a record that can be read again."""

import json
import shutil

import pytest

from cuda_ops.cxx import compiler
from workbench.bench import selftest
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
    assert len(record["layers"]) == 1 and "0 s were spent" in record["left_out"][0]


def test_an_unknown_port_is_told_before_anything_runs(capsys):
    assert main(["selftest", "--cuda", "--port", "nothing"]) == 2
    assert "no port is named 'nothing'" in capsys.readouterr().err


def test_the_record_is_kept_as_it_grows_and_compiles_last(monkeypatch):
    """On a GPU, by stand-ins for PyTorch there: eager at once, torch.compile in what is left of the time."""
    calls, kept, clock = [], [], [0.0]

    def on_gpu(model, example, rounds, *, tf32=False, compiled=False):
        calls.append("compiled" if compiled else "tf32" if tf32 else "eager")
        clock[0] += 100.0 if compiled else 1.0
        return {"compiled_ms" if compiled else "eager_ms": 1.0}

    monkeypatch.setattr(selftest, "torch_on_gpu", on_gpu)
    monkeypatch.setattr(selftest.time, "monotonic", lambda: clock[0])
    run = Selftest("emulator", 200, lambda text: None, keep=lambda record: kept.append(len(record["ports"])))
    monkeypatch.setattr(run, "layers", lambda: iter([{"name": "none", "failed": []}]))
    monkeypatch.setattr(selftest, "engine_of", None)
    run.on_gpu = True
    record = run.run(("digits",))
    assert calls == ["eager", "tf32", "eager", "eager", "compiled"]
    first, *others = record["ports"][0]["batches"]
    assert [b["batch"] for b in (first, *others)] == [1, 2, 4] and first["tf32"]["eager_ms"] == 1.0
    assert first["compiled_ms"] == 1.0 and not any("compiled_ms" in b for b in others)
    assert record["left_out"] == ["torch.compile of 2 originals"] and kept == [0, 1, 1]
