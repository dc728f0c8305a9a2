"""A measurement of the digits network: what it compares, and what it refuses. No times are asserted."""

import math

import pytest

from workbench.bench.pipeline import STEPS, measure_pipeline
from workbench.bench.run import Named, measure
from workbench.bench.tool import Figures, measure_tool
from workbench.errors import WorkbenchError
from workbench.session import Session


@pytest.fixture(scope="module")
def session() -> Session:
    return Session.of_port("digits")


def test_batches_and_precisions_side_by_side(session):
    import torch

    threads = torch.get_num_threads()
    sheet = measure(session, batches=(1, 2), precisions=("f32", "bf16"), rounds=2, threads=1)
    names = ["PyTorch eager", "PyTorch channels_last", "OpenVINO from ONNX", "workbench"]
    keys = [(r.batch, r.precision, r.contestant) for r in sheet.rows]
    assert keys == [(size, p, name) for size in (20, 40) for p in ("f32", "bf16") for name in names]
    assert all(r.speedup > 0 or r.contestant == "workbench" for r in sheet.rows)
    exact, rounded = sheet.row("workbench", 40), sheet.row("workbench", 40, "bf16")
    assert 0 < exact.errors["PROBABILITY"] < 2e-6 < rounded.errors["PROBABILITY"] < 0.1
    assert exact.peak > 0 and sheet.row("PyTorch eager", 20).peak > 0 and exact.memory < 1
    assert torch.get_num_threads() == threads


def test_a_fixed_batch_is_not_changed_in_silence(session):
    fixed = Session(session.model, session.example, session.document.text.replace("$BATCH_SIZE", "20"))
    with pytest.raises(WorkbenchError, match="no \\$BATCH_SIZE"):
        fixed.network(40)


def test_the_tools_own_figures():
    figures = measure_tool(lambda: Session.of_port("digits"), Named("digits"), patience=1)
    assert isinstance(figures, Figures) and [f.unit for f in figures.rows] == ["s", "s", "ms", "ms", *["MB"] * 3, "x"]
    assert all(f.value > 0 for f in figures.rows)


def test_a_config_that_fails_has_no_figures(session):
    wrong = session.document.text.replace("mode=max kernel=2", "mode=avg kernel=2")
    with pytest.raises(WorkbenchError, match="does not pass"):
        measure_tool(lambda: Session.of_port("digits", config=wrong), Named("digits"), patience=1)


def test_pipelines_side_by_side():
    """A port without a pipeline of its original's package is compared with its own steps around the original."""
    laps = measure_pipeline("digits", [(20, 30), (64, 48)], precisions=("f32", "bf16"), rounds=2, patience=1, threads=1)
    frames, ours = ["20 x 30", "64 x 48"], [("workbench", "f32"), ("workbench", "bf16")]
    assert [(lap.contestant, lap.precision, lap.frame) for lap in laps.rows] == [
        (*who, frame) for who in [(STEPS, "f32"), *ours] for frame in frames
    ]
    assert all(math.isnan(lap.speedup) == (lap.contestant == STEPS) and lap.ms > 0 for lap in laps.rows)
