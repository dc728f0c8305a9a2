"""Lines checked together get the verdicts that they get alone, whatever else is in the network with them."""

import numpy as np
import pytest

from workbench.compare import segments
from workbench.compare.drift import Drift
from workbench.compare.regions import Region
from workbench.compare.result import Status
from workbench.compare.verdict import tolerance
from workbench.engines.openvino import OpenVINOEngine
from workbench.errors import WorkbenchError
from workbench.graph import Node
from workbench.layers.input import Input
from workbench.session import Session


@pytest.fixture(scope="module")
def session() -> Session:
    return Session.of_port("digits", threads=1)


def statuses(session: Session) -> dict[str, Status]:
    return {str(line.node): line.status for line in session.check().lines}


@pytest.mark.parametrize("cap_mb, compiled", [(segments.CAP_MB, 1), (0, 7)])
def test_segments_change_no_verdict(session, monkeypatch, cap_mb, compiled):
    monkeypatch.setattr(session, "cap_mb", cap_mb)
    built = []
    build = OpenVINOEngine.build.__func__
    monkeypatch.setattr(
        OpenVINOEngine, "build", classmethod(lambda cls, *a, **k: built.append(a[0]) or build(cls, *a, **k))
    )
    report = session.check()
    assert len(built) == compiled + 1  # and the whole network
    assert {line.status for line in report.lines} == {Status.PASSED}
    for line in report.lines:
        alone = session.check_line(line.node.index)
        assert alone.status is line.status and alone.isolated.tolerance == line.isolated.tolerance
        assert alone.isolated.engine.error == pytest.approx(line.isolated.engine.error, abs=1e-7)


def test_a_line_that_does_not_run_takes_no_other_with_it(session, monkeypatch):
    """The halves are halved until it is alone; those after it go on from the original's tensor."""
    build = OpenVINOEngine.build.__func__

    def refusing(cls, graph, *args, **options):
        if any(node.tag == "pool2d" for node in graph) and not graph.model:  # the whole network has a [model]
            raise WorkbenchError("layer 'pool2d' does not run on the openvino engine")
        return build(cls, graph, *args, **options)

    monkeypatch.setattr(OpenVINOEngine, "build", classmethod(refusing))
    found = statuses(session)
    wrong = {name: status for name, status in found.items() if status is not Status.PASSED}
    assert len(found) == 7 and list(wrong.values()) == [Status.UNSUPPORTED] and "pool2d" in next(iter(wrong))


def test_a_wrong_line_is_one_wrong_line(session):
    wrong = Session.of_port("digits", config=session.document.text.replace("mode=max", "mode=avg"), threads=1)
    found = [line for line in wrong.check().lines if line.status is not Status.PASSED]
    assert [line.status for line in found] == [Status.FAILED, *[Status.DRIFT] * (len(found) - 1)]
    assert found[0].node.tag == "pool2d" and len(found) > 1


def test_drift_runs_no_further_than_it_is_asked_and_from_the_start():
    """y = x + 1 three times, in float32 a millionth too much each time: the noise adds up, not over a skipped line."""
    layer = Input(shape=(3,), dtype="f32")  # any will do: the reference is the one below
    nodes = [Node(i, layer, (f"t{i}",), (f"t{i + 1}",)) for i in range(3)]
    regions = [Region(node, (node,), node.inputs) for node in nodes]
    known = {f"t{i}": np.full(3, float(i)) for i in range(4)}
    calls: list[tuple[int, str]] = []

    def reference(region, feeds, precision="f32", to=""):
        calls.append((region.node.index, precision))
        x = feeds[region.inputs[0]]
        return {region.node.outputs[0]: x + 1 + (1e-6 if precision == "f32" else 0)}

    drift = Drift(regions, known, known.__getitem__, reference, "f32")
    assert drift.allowed(1) == pytest.approx(tolerance(2e-6 / 2))
    assert calls == [(0, "f32"), (0, "f64"), (1, "f32"), (1, "f64")]
    skipping = Drift(regions, known, known.__getitem__, reference, "f32")
    skipping.skip(1)
    assert skipping.allowed(2) == pytest.approx(tolerance(1e-6 / 3))
