"""What pip installs: the metadata agree with each other, and the wheel runs an engine without PyTorch."""

import json
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import numpy as np
import pytest

from workbench import build_engine
from workbench.paths import configs_dir, samples_dir

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
CONDA_NAMES = {"torch": "pytorch", "matplotlib": "matplotlib-base"}


def name(requirement: str) -> str:
    return re.split(r"[<>=~!;\[ ]", requirement)[0].lower().replace("_", "-")


def listed(file: str) -> list[str]:
    """Requirement lines of a text file, comments and list marks taken off."""
    lines = (line.strip().removeprefix("- ") for line in (ROOT / file).read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def test_constraints_pin_every_direct_requirement() -> None:
    pinned = {name(line) for line in listed("constraints.txt") if "==" in line}
    wanted = {name(r) for group in (PROJECT["dependencies"], *EXTRAS.values()) for r in group}
    assert wanted <= pinned, wanted - pinned


def test_the_conda_environment_has_what_the_port_extra_has() -> None:
    conda = set(listed("environment.yml"))
    wanted = {re.sub(r"^[a-z-]+", lambda m: CONDA_NAMES.get(m[0], m[0]), r) for r in PROJECT["dependencies"]}
    wanted |= {re.sub(r"^[a-z-]+", lambda m: CONDA_NAMES.get(m[0], m[0]), r) for r in EXTRAS["port"]}
    assert wanted <= conda, wanted - conda


def test_a_base_install_has_neither_pytorch_nor_jupyter() -> None:
    assert {name(r) for r in PROJECT["dependencies"]} == {"numpy", "openvino", "pillow", "safetensors"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", folder, ROOT)
    return next(folder.glob("*.whl"))


def run(*command: str | Path, cwd: Path = ROOT) -> str:
    done = subprocess.run(list(map(str, command)), cwd=cwd, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def files(folder: str, *suffixes: str) -> set[str]:
    """Files under a folder of the checkout with one of these suffixes, relative to it."""
    return {p.relative_to(ROOT / folder).as_posix() for p in (ROOT / folder).rglob("*") if p.suffix in suffixes}


def test_the_wheel_carries_configs_kernels_and_every_module(wheel: Path) -> None:
    inside = set(zipfile.ZipFile(wheel).namelist())
    kernels = files("cuda_ops", ".py", ".cu", ".cuh", ".h", ".hpp", ".cpp")
    modules = files("workbench", ".py", ".js", ".css")
    wanted = {f"workbench/_configs/{c}" for c in files("configs", ".cfg", ".dct")}
    wanted |= {f"workbench/_samples/{s}" for s in files("weights/sample", ".weights", ".png")}
    wanted |= {f"cuda_ops/{k}" for k in kernels} | {f"workbench/{m}" for m in modules}
    assert wanted <= inside, wanted - inside
    assert not [f for f in inside if f.startswith(("tests/", "notebooks/")) or f.endswith((".pyc", ".engine"))]


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of a clean virtual environment that holds the wheel and its base dependencies alone."""
    folder = tmp_path_factory.mktemp("installed")
    run(sys.executable, "-m", "venv", folder / "venv")
    python = folder / "venv" / "bin" / "python"
    run(python, "-m", "pip", "install", "-q", "-c", ROOT / "constraints.txt", wheel)
    return python


DESCRIBE = """
import importlib.util, json, sys
import workbench
from workbench.paths import configs_dir
found = [m for m in ("torch", "IPython", "jupyterlab", "matplotlib", "onnx") if importlib.util.find_spec(m)]
configs = [p.name for p in configs_dir().iterdir()]
print(json.dumps({"file": workbench.__file__, "found": found, "configs": configs}))
"""


@pytest.mark.slow
def test_the_installed_wheel_stands_without_pytorch(installed: Path, tmp_path: Path) -> None:
    told = json.loads(run(installed, "-c", DESCRIBE, cwd=tmp_path))
    assert Path(told["file"]).is_relative_to(installed.parents[1])  # not the checkout
    assert told["found"] == []
    assert set(told["configs"]) >= files("configs", ".cfg")


RUN_ENGINE = """
import json, sys
import numpy as np
import workbench
from workbench.paths import configs_dir, samples_dir
config, weights = configs_dir() / "digits.cfg", samples_dir() / "digits.weights"
workbench.build_engine(config, {"BATCH_SIZE": 20}, weights, engine_file="digits.engine").close()
with workbench.open_engine("digits.engine") as engine:
    np.save("got.npy", engine.run(np.load("pictures.npy"))["PROBABILITY"])
    print(json.dumps([engine.note, sorted({m.split(".")[0] for m in sys.modules})]))
"""


@pytest.mark.slow
def test_the_installed_wheel_builds_and_opens_an_engine(installed: Path, tmp_path: Path) -> None:
    """From its own config and weights; the reference is torch's, here.

    9 + 144 + 128 products in float32 lie behind a logit, each rounded by 2**-24 of a size that stays below 16; softmax
    halves what is left.
    """
    pictures = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 1), np.uint8)
    np.save(tmp_path / "pictures.npy", pictures)
    note, modules = json.loads(run(installed, "-c", RUN_ENGINE, cwd=tmp_path))
    assert note == "opened digits.engine"
    assert not {"torch", "IPython", "matplotlib", "onnx"} & set(modules)
    config, weights = configs_dir() / "digits.cfg", samples_dir() / "digits.weights"
    with build_engine(config, {"BATCH_SIZE": 20}, weights, engine="reference") as reference:
        want = reference.run(pictures)["PROBABILITY"]
    np.testing.assert_allclose(np.load(tmp_path / "got.npy"), want, rtol=0, atol=281 * 2**-24 * 16 / 2)


@pytest.mark.slow
def test_the_installed_wheel_has_the_command(installed: Path, tmp_path: Path) -> None:
    assert "usage: workbench" in run(installed.with_name("workbench"), "--help", cwd=tmp_path)


@pytest.mark.slow
def test_the_installed_wheel_runs_a_port_as_a_program(installed: Path, tmp_path: Path) -> None:
    told = run(installed, "-m", "workbench.ports.digits", cwd=tmp_path)
    assert told == run(sys.executable, "-m", "workbench.ports.digits", cwd=ROOT)
    assert told.startswith("2 3 4 5 6 7 8 9 0 9 5 5 6 5 0 9 8 9 8 4 ")  # as a person reads the sample picture
