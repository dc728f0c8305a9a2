"""The command line, as a user types it: what it prints, writes and returns."""

import json

import numpy as np
import pytest

from workbench.cli import main
from workbench.ports import get_port

PART = get_port("digits").part()


def test_check_writes_its_reports_and_the_weights(tmp_path, capsys):
    files = [tmp_path / name for name in ("r.json", "r.csv", "r.html", "d.weights")]
    words = ["--json", "--csv", "--html", "--weights"]
    assert main(["check", "digits", *(str(w) for pair in zip(words, files, strict=True) for w in pair)]) == 0
    assert "passed on openvino f32" in capsys.readouterr().out
    assert json.loads(files[0].read_text())["passed"] and all(f.stat().st_size for f in files)
    assert files[3].read_bytes() == PART.weights_path.read_bytes()


def test_diagnose_names_the_line_and_the_cause(tmp_path, capsys):
    config = tmp_path / "wrong.cfg"
    config.write_text(PART.config_path.read_text().replace("mode=max kernel=2", "mode=avg kernel=2"))
    assert main(["diagnose", "digits", "--config", str(config)]) == 1
    told = capsys.readouterr().out
    assert "wrong.cfg:16" in told and "mode=max" in told and "pool_mode" in told


def test_build_and_run(tmp_path, capsys):
    engine, feed = tmp_path / "d.engine", tmp_path / "x.npy"
    np.save(feed, PART.feeds()["IMAGE"])
    words = ["--weights", str(PART.weights_path), "--set", "BATCH_SIZE=-1", "--out", str(engine)]
    assert main(["build", str(PART.config_path), *words]) == 0
    assert main(["run", str(engine), str(feed), "--out", str(tmp_path)]) == 0
    assert np.load(tmp_path / "PROBABILITY.npy").shape == (20, 10)
    assert "PROBABILITY float32[20, 10]" in capsys.readouterr().out


def test_bench_measures_in_turns(tmp_path, capsys):
    assert main(["bench", "digits", "--rounds", "2", "--json", str(tmp_path / "b.json")]) == 0
    rows = json.loads((tmp_path / "b.json").read_text())["rows"]
    names = [row["contestant"] for row in rows]
    assert names == ["PyTorch eager", "PyTorch channels_last", "OpenVINO from ONNX", "workbench"]
    assert rows[0]["speedup"] > 0 and 0 < rows[-1]["errors"]["PROBABILITY"] < 2e-6
    assert rows[-1]["memory"] == rows[-1]["peak"] / rows[0]["peak"] < 1


@pytest.mark.parametrize(
    "words, says",
    [
        (["check", "nothing"], "no port is named 'nothing'"),
        (["check", "os:getcwd", "--config", "x.cfg", "--example", "1"], "expected a torch.nn.Module"),
        (["build", "nowhere.cfg"], "nowhere.cfg"),
        (["build", str(PART.config_path), "--set", "BATCH_SIZE"], "expected NAME=VALUE"),
        (["run", "nowhere.engine"], "nowhere.engine"),
        (["dict", "conv3d"], "no layer is named 'conv3d'"),
        (["bench", "digits", "--batch", "two"], "expected numbers"),
        (
            ["bench", "digits", "--pipeline", "--frame", "20x"],
            "--frame 20x: expected numbers from 1 on such as 1280x720",
        ),
    ],
)
def test_errors_are_told_without_a_traceback(words, says, capsys):
    assert main(words) == 2
    assert says in capsys.readouterr().err


def test_doctor_and_dict(capsys):
    assert main(["doctor", "--json"]) == 0
    found = {row["what"]: row["found"] for row in json.loads(capsys.readouterr().out)}
    assert found["numpy"] == np.__version__
    assert main(["dict", "pool2d"]) == 0 and "ceil_mode" in capsys.readouterr().out
