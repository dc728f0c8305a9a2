"""`python -m workbench.ports.digits`: without torch, in a folder of its own, and every mistake told in a line."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from workbench.ports import digits
from workbench.ports.run import main

ROOT = Path(__file__).resolve().parents[2]
TRUTH = "2 3 4 5 6 7 8 9 0 9 5 5 6 5 0 9 8 9 8 4"  # the labels of the sample's digits in scikit-learn's set
NO_TORCH = """
import runpy, sys
sys.modules["torch"] = None
sys.argv = ["digits", *sys.argv[1:]]
runpy.run_module("workbench.ports.digits", run_name="__main__")
"""


def test_the_engine_runs_where_there_is_no_torch(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", NO_TORCH, "--out", "drawn.png"],
        cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(TRUTH)
    assert Image.open(tmp_path / "drawn.png").size == (20 * 64, 96)


def test_engine_and_original_print_the_same(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
                                            tmp_path: Path) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert main(digits.PORT, []) == main(digits.PORT, ["--original"]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first == second


def test_dark_ink_on_white_is_read_too() -> None:
    sample = digits.sample().convert("L")
    inverted = sample.point(lambda v: 255 - v).resize((sample.width * 5, sample.height * 5), Image.Resampling.NEAREST)
    feeds = [digits.preprocess(picture, {}).feeds[digits.IMAGE] for picture in (sample, inverted)]
    assert (feeds[0] == feeds[1]).all()


@pytest.mark.parametrize(("arguments", "message"), [
    (["nowhere.png"], "nowhere.png cannot read the picture: No such file"),
    (["--weights", "nowhere.weights"], "nowhere.weights there is no such weights file yet"),
    (["--set", "BATCH_SIZE"], "--set BATCH_SIZE: expected NAME=VALUE"),
    (["--set", "BATCHSIZE=2"], "no config of digits has $BATCHSIZE"),
    (["--precision", "f64"], "prec_mode f64 is not to be had on the openvino engine"),
    (["--threads", "-3"], "expected a number of threads"),
    (["--out", "x.xyz"], "x.xyz cannot write a picture as '.xyz'"),
    (["--original", "--checkpoint", "nowhere.pt"], "nowhere.pt cannot read the checkpoint"),
])  # fmt: skip
def test_mistakes_are_told_in_a_line(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str],
                                     monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert main(digits.PORT, arguments) == 2
    assert message in capsys.readouterr().err
