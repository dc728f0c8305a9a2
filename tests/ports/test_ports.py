"""Every port: listed without torch, ported line by line, and the same result from the engine as from the original."""

import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from workbench.compare.verdict import error
from workbench.engines.build import load_network
from workbench.engines.reference import ReferenceEngine
from workbench.errors import WorkbenchError
from workbench.ports import PORTS, get_port
from workbench.session import Session
from workbench.weights import plan_weights

PARTS = [(name, part.name) for name in PORTS for part in get_port(name).parts]


@cache
def session(port: str, part: str) -> Session:
    return Session.of_port(port, part)


def test_listing_and_getting_ports_loads_no_torch() -> None:
    code = "import sys, workbench.ports as p; [p.get_port(n) for n in p.PORTS]; print(sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "'workbench.ports.digits'" in loaded
    assert "'torch'" not in loaded and "'openvino'" not in loaded


def test_an_unknown_port_is_told_with_the_nearest_name() -> None:
    with pytest.raises(WorkbenchError, match="did you mean 'digits'"):
        get_port("digit")


@pytest.mark.parametrize(("port", "part"), PARTS)
def test_every_line_equals_the_original(port: str, part: str) -> None:
    report = session(port, part).check()
    assert report.passed, str(report)
    assert not report.uncovered, "operators of the original that no line ports"


@pytest.mark.parametrize(("port", "part"), PARTS)
def test_the_engine_equals_the_original(port: str, part: str, tmp_path: Path) -> None:
    p = get_port(port).part(part)
    feeds = p.feeds()
    expected = p.run_original(feeds)
    with session(port, part).build(tmp_path / "x.engine") as engine:
        got = engine.run(feeds)
    assert got.keys() == expected.keys()
    errors = {name: error(got[name], expected[name]) for name in got}
    assert max(errors.values()) <= get_port(port).tolerance, errors


@pytest.mark.parametrize("port", [name for name in PORTS if len(get_port(name).parts) == 1])
def test_the_engine_finds_what_the_original_finds(port: str, tmp_path: Path) -> None:
    p = get_port(port)
    picture = p.sample()
    with session(port, p.part().name).build(tmp_path / "x.engine") as engine:
        prepared = p.preprocess(picture, engine.inputs)
        result = p.postprocess(engine.run(prepared.feeds), prepared.geometry)
    expected = p.postprocess(p.part().run_original(prepared.feeds), prepared.geometry)
    for got, want in zip(result, expected, strict=True):  # results are tuples of arrays
        assert error(got, want) <= (p.tolerance if got.dtype.kind == "f" else 0)


@pytest.mark.parametrize(("port", "part"), PARTS)
def test_no_weight_tensor_could_be_zero_unnoticed(port: str, part: str) -> None:
    """The parity test can fail: any one tensor zeroed moves an output by more than the port's tolerance."""
    p = get_port(port).part(part)
    small = {"RE_SIZE": "128,128"} if "RE_SIZE" in p.params else {}  # a tenth of the time
    network = load_network(p.config_path, {**p.params, **small}, session(port, part).network().values)
    graph = network.parsed.graph
    inputs = {name: graph.specs[name] for name in graph.inputs}
    feeds = get_port(port).preprocess(get_port(port).sample(), inputs).feeds
    plan, expected = plan_weights(graph), p.run_original(feeds)
    unnoticed = []
    for tensor in plan.stored:
        values = network.values.copy()
        values[tensor.offset : tensor.offset + tensor.count] = 0
        with ReferenceEngine(graph, plan.split(values)) as engine:
            got = engine.run(feeds)
        if all(error(got[name], expected[name]) <= get_port(port).tolerance for name in got):
            unnoticed.append(str(tensor))
    assert not unnoticed


def test_the_samples_weights_are_those_of_its_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "digits.weights"
    session("digits", "classifier").write_weights(path)
    assert path.read_bytes() == get_port("digits").part().weights_path.read_bytes()
