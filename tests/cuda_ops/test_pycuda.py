"""The real PyCUDA on the stand-in libcuda: it answers as the emulator's driver does, and what runs there runs here."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from cuda_ops.cache import cache_dir
from cuda_ops.stand_in.stubs import cuda_headers

pytestmark = [pytest.mark.slow, pytest.mark.emulator]
HERE = Path(__file__).parent
ROOT = HERE.parents[1]


def run(*command: object, path: Path | None = None, **more: object) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, filter(None, [ROOT, HERE, path])))}
    return subprocess.run([*map(str, command)], capture_output=True, text=True, env=env, cwd=ROOT, timeout=1200)


@pytest.fixture(scope="session")
def pycuda(gxx, tmp_path_factory) -> Path | None:
    """Where PyCUDA lies: None where it is installed; else built once and kept in the cache. Skips without network."""
    if not cuda_headers():
        pytest.skip("the stand-in libcuda is made from cuda.h, which is not here (pip install nvidia-cuda-runtime)")
    if find_spec("pycuda"):
        return None
    folder = cache_dir() / "pycuda" / f"python{sys.version_info.major}.{sys.version_info.minor}"
    if (folder / "pycuda").is_dir():
        return folder
    wheels = tmp_path_factory.mktemp("wheels")
    built = run(sys.executable, ROOT / "tools" / "pycuda_wheel.py", "--out", wheels)
    if "No matching distribution found" in built.stderr:
        pytest.skip("PyCUDA is not installed, and its source cannot be downloaded here")
    assert built.returncode == 0, built.stderr
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--find-links", wheels, "--target", folder]
    installed = run(*pip, "--no-deps", *(file for file in wheels.glob("*.whl")))
    assert installed.returncode == 0, installed.stderr
    return folder


def ask(what: str, path: Path | None) -> object:
    done = run(sys.executable, HERE / "driver_cases.py", what, path=path)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_emulators_driver_answers_as_pycuda_does(pycuda):
    real, ours = ask("pycuda", pycuda), ask("emulator", None)
    assert ours == real and len(real) > 40


def test_a_fault_is_told_by_the_calls_after_the_launch(pycuda):
    """As on a GPU; the emulator's own driver tells it at the launch."""
    assert ask("fault", pycuda) == ["done", "LaunchError", "LaunchError", "LaunchError"]


# check mode and a limit on memory are the emulator's alone; a fault is told later here, and by every call from then on
OWN = "not check_mode and not out_of_memory and not fault_or_hang"
TESTS = (
    "tests/cuda_ops/test_kernel_softmax.py tests/cuda_ops/test_kernel_copy.py",
    "tests/engines/test_cuda_engine.py",
)


# Not through PyCUDA: check mode, the emulator's own account of memory, and faults, which on a GPU end the process's use
# of it.
LEFT_OUT = "not check_mode and not leaks_nothing and not fault_or_hang"


@pytest.mark.parametrize(
    "tests", ["cuda_ops/test_kernel_softmax.py cuda_ops/test_kernel_copy.py", "engines/test_cuda_engine.py"]
)
def test_tests_pass_through_pycuda(pycuda, tests):
    """The same tests in a process in which PyCUDA is the driver."""
    command = [sys.executable, "-m", "pytest", "-p", "stand_in_plugin", "-q", "-m", "", "-k", LEFT_OUT]
    done = run(*command, *(ROOT / "tests" / file for file in tests.split()), path=pycuda)
    assert done.returncode == 0 and "through PyCUDA" in done.stdout, done.stdout[-3000:] + done.stderr[-1000:]


SELFTEST = """
import sys
from cuda_ops.stand_in.install import install
install()
from workbench.cli import main
sys.exit(main(["selftest", "--cuda", "--port", "digits", "--json", sys.argv[1]]))
"""


def test_the_gpu_selftest_passes_on_the_stand_in(pycuda, tmp_path):
    """Engine `cuda` knows of no emulator here: every case of every layer, and a port at three batches."""
    done = run(sys.executable, "-c", SELFTEST, tmp_path / "record.json", path=pycuda)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    record = json.loads((tmp_path / "record.json").read_text())
    assert record["engine"] == "cuda" and record["packages"]["pycuda"] and len(record["layers"]) > 50
    assert [batch["passed"] for batch in record["ports"][0]["batches"]] == [True] * 3
