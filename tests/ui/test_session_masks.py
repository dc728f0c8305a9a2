"""What a port makes of a picture by both sides, and the workbench's view of it."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from workbench.errors import WorkbenchError
from workbench.ports import get_port
from workbench.session import Session, results
from workbench.session.results import both_results
from workbench.ui.session_masks import SessionMasks, class_names
from workbench.ui.workspace import Workspace

PICTURE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8))


@pytest.fixture(scope="module")
def session() -> Session:
    return Session.of_port("yolox_tiny_text")


def test_the_engine_stands_in_the_place_of_its_part(session: Session) -> None:
    view = session.mask_view()
    assert len(view.rows) and all(row["side"] == "both" and row["iou"] > 0.999 for row in view.rows)
    assert view.rows[0]["name"] == "character #1" and view.title == "yolox_tiny_text"
    session.engine, before = "reference", session.engine
    try:
        assert session.mask_view(PICTURE).engine_name == "reference f32"
    finally:
        session.engine = before


def test_an_edit_is_seen_in_the_picture(session: Session) -> None:
    session.check()
    space = Workspace(session)
    masks = SessionMasks(space)
    masks.refresh()
    assert len(masks.path) > 100
    assert all((status == "passed") == (error <= allowed) for _, error, allowed, status in masks.path)
    space.worker.wait(120)
    assert not masks.error and all(row["iou"] > 0.999 for row in masks.rows)
    text = space.document.text
    wrong = text.replace("act=silu", "act=relu", 1)
    assert wrong != text
    space.document.replace_text(wrong)
    masks.refresh()
    masks.refresh()  # shown already, or on the way
    space.worker.wait(120)
    assert any(row["side"] != "both" or row["iou"] < 0.999 for row in masks.rows)
    session.undo()
    assert session.document.text == text


def test_a_session_of_no_port_says_what_it_lacks(session: Session) -> None:
    alone = Session(torch.nn.ReLU(), torch.zeros(1, 3))
    assert class_names(alone) == () == class_names(Session.of_port("digits"))
    with pytest.raises(WorkbenchError, match="nothing says what the outputs of this session mean"):
        both_results(alone)


def test_the_parts_beside_are_the_originals(monkeypatch: pytest.MonkeyPatch) -> None:
    session = Session.of_port("mobile_sam", "no_box", params={"BATCH_SIZE": "2"})
    opened: list[tuple[str, bool]] = []

    def pipeline(networks, picture):
        opened.extend((name, type(networks.open(name)).__name__ == "Original") for name in ("no_box", "box"))
        assert next(iter(networks.open("no_box").inputs.values())).shape[0] == 1

    monkeypatch.setattr(results, "get_port", lambda name: replace(get_port(name), pipeline=pipeline))
    both_results(session, PICTURE)
    assert opened == [("no_box", True), ("box", True), ("no_box", False), ("box", True)]


NOTEBOOK = """
from workbench.session import Session
session = Session.of_port("yolox_tiny_text")
w = session.widget()
w
"""


@pytest.mark.browser
def test_the_masks_of_the_workbench(open_notebook, shoot) -> None:
    lab = open_notebook(NOTEBOOK)
    out = lab.output(0)
    out.locator("[data-ready=true]").wait_for()
    lab.kernel_until("w.workspace.traced", True)
    out.get_by_role("tab", name="Masks").click()
    out.locator(".pw-masks[data-sequence]").wait_for()
    lab.kernel_until("len(w.masks.rows) > 0 and w.workspace.busy.title == ''", True)
    out.get_by_role("application", name=re.compile(r"^Engine, openvino f32, \d+ found")).wait_for()
    lab.kernel_until("w.masks.drawn == w.masks.sequence", True)
    shoot(out, "workbench-masks")
