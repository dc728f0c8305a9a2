"""A porting session in a real browser: every step by key or click, in JupyterLab, with a real model."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

MAKE = """
from pathlib import Path
from workbench import Session
from workbench.paths import configs_dir
text = (configs_dir() / "digits.cfg").read_text()
path = Path("{name}.cfg")
path.write_text(text.replace({old!r}, {new!r}))
session = Session.of_port("digits", config=path)
"""
SHOW = "w = session.widget()\nw"
RELU = "weight_order=wa act=relu "  # of line 15


@pytest.fixture
def workbench(open_notebook, request):
    """workbench(old, new) → a Lab that shows the digits port, with `old` replaced in its config."""

    def shown(old: str = "", new: str = ""):
        lab = open_notebook(MAKE.format(name=request.node.name, old=old, new=new), SHOW)
        lab.output(1).locator("[data-ready=true]").wait_for()
        lab.kernel_until("w.workspace.traced and w.workspace.busy.title == ''", True)
        lab.list = lab.output(1).get_by_role("listbox", name="config lines")
        lab.list.focus()
        return lab

    return shown


def row(lab, line: int):
    return lab.list.locator(f"[data-line='{line}']")


def press(lab, *keys: str) -> None:
    for key in keys:
        lab.page.keyboard.press(key)


def check(lab) -> None:
    press(lab, "c")
    lab.kernel_until("w.workspace.diagnosis is not None and w.workspace.busy.title == ''", True)


def test_step_through_a_port(workbench, shoot) -> None:
    lab = workbench()
    check(lab)
    expect(lab.output(1).get_by_text("All 7 lines with a tie pass").first).to_be_visible()
    expect(row(lab, 16).get_by_role("img", name="passed")).to_be_visible()
    expect(row(lab, 16)).to_contain_text("exact")
    press(lab, "Home", *["ArrowDown"] * 9)
    lab.kernel_until("w.lines.cursor", 10)
    seen = set()
    for line in (13, 15, 16):
        while lab.kernel("w.lines.cursor") < line:
            press(lab, "j")
        lab.kernel_until("w.tensors.title", {13: "relu1", 15: "relu2", 16: "pool"}[line])
        seen.add(lab.kernel("w.tensors.shape"))
    assert seen == {"20,16,8,8", "20,32,4,4", "20,32,2,2"}
    shoot(lab.output(1), "workbench-digits")
    for key in "dda bxzm":  # shortcuts of the notebook that delete, cut or insert cells
        press(lab, key)
    assert lab.cells() == 2


def test_the_first_bad_line_its_cause_and_its_fix(workbench) -> None:
    lab = workbench(RELU, "weight_order=wa act=tanh ")
    check(lab)
    press(lab, "Home", "f")
    lab.kernel_until("w.lines.cursor", 15)
    expect(row(lab, 15).get_by_role("img", name="failed")).to_be_visible()
    expect(row(lab, 16).get_by_role("img", name="drift")).to_be_visible()
    card = lab.output(1).locator(".pw-dock").get_by_role("region", name="cause", exact=True)
    expect(card).to_contain_text("Line 15")
    expect(card.locator("u").last).to_have_text("act=relu")
    press(lab, "y")
    lab.kernel_until("w.workspace.counts().get('passed')", 7)
    assert RELU in lab.kernel("w.workspace.document.text")
    press(lab, "Control+z")
    lab.kernel_until("'act=tanh' in w.workspace.document.text", True)
    expect(row(lab, 15).get_by_role("img", name="failed")).to_be_visible()  # an undone edit has its verdict back


def test_a_wrong_line_its_error_and_its_correction(workbench) -> None:
    lab = workbench()
    check(lab)
    press(lab, "Home", *["ArrowDown"] * 17, "Enter")
    lab.kernel_until("w.lines.cursor", 18)
    lab.page.keyboard.type(" hiden=12")
    expect(lab.list.get_by_text(re.compile("unknown key 'hiden'; did you mean 'hidden'"))).to_be_visible()
    expect(row(lab, 19).get_by_role("img", name="not checked")).to_be_visible()
    for _ in range(len(" hiden=12")):
        press(lab, "Backspace")
    lab.kernel_until("w.workspace.counts()['text']", 0)
    lab.page.keyboard.type(" act=si")  # completion offers the symbols of act
    expect(lab.page.get_by_role("option", name="silu")).to_be_visible()
    press(lab, "Tab", "Escape", "Escape")
    lab.kernel_until("w.lines.row()['status']", "failed")  # checked by itself, at once
    expect(row(lab, 19).get_by_role("img", name="stale")).to_be_visible()
    press(lab, "Control+z")
    lab.kernel_until("w.unsaved", 0)
    expect(row(lab, 18).get_by_role("img", name="passed")).to_be_visible()
    assert lab.cells() == 2


def test_save_and_a_file_changed_by_another_program(workbench, lab_root: Path, request) -> None:
    lab = workbench()
    file = lab_root / f"{request.node.name}.cfg"
    press(lab, "Home", "o")
    lab.page.keyboard.type("# mine")
    press(lab, "Escape")
    lab.kernel_until("w.unsaved", 1)
    # What a closed browser or a restarted kernel leaves:
    draft = file.with_name(file.name + ".draft")
    lab.kernel_until("'# mine' in (w.workspace.draft.found() or '')", True)
    press(lab, "Control+s")
    lab.kernel_until("w.unsaved", 0)
    assert "# mine" in file.read_text() and not draft.exists()
    file.write_text(file.read_text() + "# theirs\n")
    press(lab, "o")
    lab.page.keyboard.type("# more")
    press(lab, "Escape", "Control+s")
    asks = lab.output(1).get_by_role("alertdialog")
    expect(asks).to_contain_text("another program")
    assert "# theirs" in file.read_text() and "# more" not in file.read_text()
    asks.get_by_role("button", name="Save over it").click()
    lab.kernel_until("w.unsaved", 0)
    assert "# more" in file.read_text()


def test_the_tree_proposes_and_the_ledger_lists(workbench) -> None:
    lab = workbench()
    out = lab.output(1)
    out.get_by_role("button", name="Module tree").click()
    tree = out.get_by_role("tree")
    tree.get_by_text("conv1", exact=True).click()
    expect(out.get_by_text("[conv2d] channel=16 kernel=3 pad=1 weight_order=w name=conv1")).to_be_visible()
    press(lab, ".")
    lab.kernel_until("len(w.ledger.rows)", 9)
    expect(out.get_by_role("option", name=re.compile("conv1.weight")).first).to_be_visible()
