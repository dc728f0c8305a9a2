"""A wrong line as a folder that runs alone, without the model and without PyTorch."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from workbench import Session, WorkbenchError
from workbench.cli import main
from workbench.paths import configs_dir

BLOCKED = "import runpy, sys; sys.modules['torch'] = None; runpy.run_path(sys.argv.pop(1), run_name='__main__')"


def run(folder: Path, *arguments: str):
    return subprocess.run(
        [sys.executable, "-c", BLOCKED, str(folder / "run.py"), *arguments], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("act, code", [("relu", 0), ("tanh", 1)])
def test_a_line_runs_alone(tmp_path, capsys, act, code):
    config = tmp_path / "net.cfg"
    text = (configs_dir() / "digits.cfg").read_text()
    config.write_text(text.replace("act=relu", f"act={act}"))
    line = next(i for i, row in enumerate(text.splitlines(), 1) if "stride=2 pad=1" in row)
    folder = tmp_path / "line"
    assert main(["reproduce", "digits", "--config", str(config), "--line", str(line), "--out", str(folder)]) == 0
    assert "run.py" in capsys.readouterr().out
    done = run(folder)
    assert done.returncode == code, done.stdout + done.stderr
    assert "error" in done.stdout and "on openvino" in done.stdout
    assert len((folder / "line.cfg").read_text().splitlines()) == 5, "a comment, input, the line, output, end"
    assert json.loads((folder / "about.json").read_text())["line"] == f"{config}:{line}:1"


def test_the_first_wrong_line_is_taken_and_nothing_is_overwritten(tmp_path):
    session = Session.of_port("digits")
    with pytest.raises(WorkbenchError, match="every line passes"):
        session.reproduce(tmp_path / "none")
    text = session.document.text.replace("stride=2 pad=1 weight_order=wa act=relu", "stride=2 pad=1 weight_order=wa")
    session.document.replace_text(text)
    folder = session.reproduce(tmp_path / "line")
    assert "stride=2" in (folder / "line.cfg").read_text()
    assert run(folder).returncode == 1
    with pytest.raises(WorkbenchError, match="a new or an empty folder"):
        session.reproduce(folder)
    with pytest.raises(WorkbenchError, match="no tied line stands at or is judged with line 1"):
        session.reproduce(tmp_path / "none", 1)
