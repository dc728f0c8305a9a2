"""The demo: its sample without PyTorch, its whole from the check to the report."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
BLOCKED = """
import json, runpy, sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "onnx", "matplotlib", "IPython", "ipywidgets"):
            raise ModuleNotFoundError(f"{name} is blocked in this test", name=name)
sys.meta_path.insert(0, Blocker())
sys.argv = json.loads(sys.argv[1])
runpy.run_module("workbench.demo", run_name="__main__")
"""


def test_the_sample_needs_no_pytorch():
    arguments = json.dumps(["workbench.demo", "--sample"])
    done = subprocess.run(
        [sys.executable, "-c", BLOCKED, arguments], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "the picture reads: 2 3 4 5 6 7 8 9 0 9" in done.stdout and "PyTorch in this process: no" in done.stdout


@pytest.mark.slow
def test_the_demo_runs_to_its_report(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "workbench.demo"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for words in ("passed on openvino f32", "detections in", "PyTorch eager", "OpenVINO from ONNX"):
        assert words in done.stdout
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "data:image/png;base64," in page and "PyTorch eager" in page
    assert "src='http" not in page and "<script" not in page and "<link" not in page
