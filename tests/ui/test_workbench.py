"""A porting session in a real browser: every step by key or click, in JupyterLab, with a real model.

The tests share a notebook and its kernel; each makes the widget anew, of a config of its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

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
TANH = "weight_order=wa act=tanh "
IDLE = "w.workspace.traced and w.workspace.busy.title == ''"


@pytest.fixture(scope="module")
def lab(lab_root: Path, lab_address: str, browser: Any) -> Iterator[Any]:
    from lab_driver import Lab, write_notebook

    context = browser.new_context(viewport={"width": 1400, "height": 1130}, reduced_motion="reduce")
    lab = Lab(context.new_page(), lab_address)
    lab.open(write_notebook(lab_root / "workbench.ipynb", "", "").name)
    lab.wide()
    yield lab
    lab.shut_down()
    context.close()


@pytest.fixture
def workbench(lab: Any, request: pytest.FixtureRequest) -> Iterator[Callable[..., Any]]:
    """workbench(old, new) → the Lab, showing the digits port with `old` replaced in its config."""

    def shown(old: str = "", new: str = "") -> Any:
        lab.run_anew(MAKE.format(name=request.node.name, old=old, new=new), SHOW)
        return ready(lab)

    lab.problems.clear()
    yield shown
    assert lab.cells() == 2  # no key has reached the notebook
    assert not lab.problems


def ready(lab: Any) -> Any:
    lab.output(1).locator("[data-ready=true]").wait_for()
    lab.kernel_until(IDLE, True)
    lab.list = lab.output(1).get_by_role("listbox", name="config lines")
    lab.list.focus()
    return lab


def row(lab: Any, line: int) -> Locator:
    return lab.list.locator(f"[data-line='{line}']")


def check(lab: Any) -> None:
    lab.press("c")
    lab.kernel_until(f"w.workspace.diagnosis is not None and {IDLE}", True)


def add_line(lab: Any, text: str) -> None:
    """A line below the cursor."""
    lab.press("o")
    lab.page.keyboard.type(text)
    lab.press("Escape")


def test_step_through_a_port(workbench, shoot) -> None:
    lab = workbench()
    check(lab)
    expect(lab.output(1).get_by_text("All 7 lines with a tie pass").first).to_be_visible()
    expect(row(lab, 16).get_by_role("img", name="passed")).to_be_visible()
    expect(row(lab, 16)).to_contain_text("exact")
    lab.press("Home", *["ArrowDown"] * 9)
    lab.kernel_until("w.lines.cursor", 10)
    seen = set()
    for line in (13, 15, 16):
        while lab.kernel("w.lines.cursor") < line:
            lab.press("j")
        lab.kernel_until("w.tensors.title", {13: "relu1", 15: "relu2", 16: "pool"}[line])
        seen.add(lab.kernel("w.tensors.shape"))
    assert seen == {"20,16,8,8", "20,32,4,4", "20,32,2,2"}
    expect(lab.output(1).get_by_role("application", name="Reference")).to_be_visible()
    shoot(lab.output(1), "workbench-digits")
    lab.press(*"dda bxzm")  # shortcuts of the notebook that delete, cut or insert cells


def test_run_to_a_line_search_and_filter(workbench) -> None:
    lab = workbench(RELU, TANH)
    lab.press("Home", *["j"] * 12, "t")
    lab.kernel_until(f"w.workspace.counts().get('passed') == 2 and {IDLE}", True)
    assert lab.kernel("w.workspace.counts()['unchecked']") == 5
    check(lab)
    lab.press("Home", "/")
    lab.page.keyboard.type("conv2d")
    expect(lab.list.get_by_role("option")).to_have_count(3)  # both, and the line of the cursor
    lab.page.get_by_label("find in lines").fill("")
    lab.page.get_by_label("verdicts shown").select_option("drift")
    expect(lab.list.get_by_role("img", name="drift")).to_have_count(4)
    assert lab.list.get_by_role("img", name="passed").count() == 0


def test_the_first_bad_line_its_cause_and_its_fix(workbench, shoot) -> None:
    lab = workbench(RELU, TANH)
    check(lab)
    lab.press("Home", "f")
    lab.kernel_until("w.lines.cursor", 15)
    expect(row(lab, 15).get_by_role("img", name="failed")).to_be_visible()
    expect(row(lab, 16).get_by_role("img", name="drift")).to_be_visible()
    card = lab.output(1).locator(".pw-dock").get_by_role("region", name="cause", exact=True)
    expect(card).to_contain_text("Line 15 [conv2d] differs in isolation")
    expect(card.locator("u").last).to_have_text("act=relu")
    lab.kernel_until("w.tensors.title", "relu2")
    lab.theme("Dark")
    shoot(lab.output(1), "workbench-failed-dark")
    lab.theme("Light")
    lab.list.focus()
    lab.press("y")
    lab.kernel_until("w.workspace.counts().get('passed')", 7)
    assert RELU in lab.kernel("w.workspace.document.text")
    lab.press("Control+z")
    lab.kernel_until("'act=tanh' in w.workspace.document.text", True)
    expect(row(lab, 15).get_by_role("img", name="failed")).to_be_visible()  # an undone edit has its verdict back


def test_a_wrong_line_its_error_and_its_correction(workbench) -> None:
    lab = workbench()
    check(lab)
    lab.press("Home", *["ArrowDown"] * 17, "Enter")
    lab.kernel_until("w.lines.cursor", 18)
    lab.page.keyboard.type(" hiden=12")
    expect(lab.list.get_by_text(re.compile("unknown key 'hiden'; did you mean 'hidden'"))).to_be_visible()
    expect(row(lab, 19).get_by_role("img", name="not checked")).to_be_visible()
    lab.press(*["Backspace"] * len(" hiden=12"))
    lab.kernel_until("w.workspace.counts()['text']", 0)
    lab.page.keyboard.type(" act=si")  # completion offers the symbols of act
    expect(lab.page.get_by_role("option", name="silu")).to_be_visible()
    lab.press("Tab", "Escape", "Escape")
    lab.kernel_until("w.lines.row()['status']", "failed")  # checked by itself, at once
    expect(row(lab, 19).get_by_role("img", name="stale")).to_be_visible()
    lab.press("Control+z")
    lab.kernel_until("w.unsaved", 0)
    expect(row(lab, 18).get_by_role("img", name="passed")).to_be_visible()
    lab.press("Control+Shift+z")
    lab.kernel_until("'act=silu' in w.workspace.document.text", True)


def test_a_misspelt_key_is_replaced_and_the_help_stands_by(workbench) -> None:
    lab = workbench("hidden=10", "hiden=10")
    lab.press("f")
    lab.kernel_until("w.lines.cursor", 18)
    expect(row(lab, 18).get_by_role("img", name="error in the text")).to_be_visible()
    lab.press("Control+.")
    lab.kernel_until("w.workspace.counts()['text']", 0)
    lab.press("Enter")
    lab.page.keyboard.type(" ")
    lab.press("Control+ ")
    expect(lab.page.get_by_role("option", name=re.compile("bias|weight_order")).first).to_be_visible()
    expect(lab.output(1).locator(".pw-pop-help")).to_be_visible()
    lab.press("Escape", "Escape")


def test_save_changes_and_a_file_changed_by_another_program(workbench, lab_root: Path, request) -> None:
    lab = workbench()
    file = lab_root / f"{request.node.name}.cfg"
    lab.press("Home")
    add_line(lab, "# mine")
    lab.kernel_until("w.unsaved", 1)
    lab.output(1).get_by_role("button", name="Changes").click()
    expect(lab.output(1).locator(".pw-diff-add")).to_contain_text("# mine")
    lab.output(1).get_by_role("button", name="Lines", exact=True).click()
    lab.list.focus()
    draft = file.with_name(file.name + ".draft")
    lab.kernel_until("'# mine' in (w.workspace.draft.found() or '')", True)
    lab.press("Control+s")
    lab.kernel_until("w.unsaved", 0)
    assert "# mine" in file.read_text() and not draft.exists()
    file.write_text(file.read_text() + "# theirs\n")
    add_line(lab, "# more")
    lab.press("Control+s")
    asks = lab.output(1).get_by_role("alertdialog")
    expect(asks).to_contain_text("another program")
    assert "# theirs" in file.read_text() and "# more" not in file.read_text()
    asks.get_by_role("button", name="Save over it").click()
    lab.kernel_until("w.unsaved", 0)
    assert "# more" in file.read_text()


def test_nothing_is_lost_by_a_closed_browser_or_a_restarted_kernel(workbench, lab_root: Path, request) -> None:
    lab = workbench()
    check(lab)
    lab.press("Home")
    add_line(lab, "# not saved")
    lab.kernel_until("'# not saved' in (w.workspace.draft.found() or '')", True)
    lab.reload()
    lab.wide()
    ready(lab)  # the same widget, with its text and its verdicts
    expect(row(lab, 2)).to_contain_text("# not saved")
    expect(row(lab, 17).get_by_role("img", name="passed")).to_be_visible()
    lab.restart_kernel()
    source = f'session = __import__("workbench").Session.of_port("digits", config="{request.node.name}.cfg")'
    lab.run_anew(source, SHOW)
    ready(lab)
    assert "# not saved" not in lab.kernel("w.workspace.document.text")
    asks = lab.output(1).get_by_role("alertdialog")
    expect(asks).to_contain_text("An earlier session left unsaved text")
    asks.get_by_role("button", name="Restore").click()
    lab.kernel_until("w.workspace.document.text.splitlines()[1]", "# not saved")
    lab.list.focus()
    lab.press("Control+s")
    lab.kernel_until("w.unsaved", 0)
    assert "# not saved" in (lab_root / f"{request.node.name}.cfg").read_text()


def test_long_work_is_cancelled(workbench) -> None:
    lab = workbench()
    endless = "(__import__('time').sleep(0.02) for _ in iter(int, 1))"
    count = f"lambda progress: list(progress({endless}, 'counting', 100000))"
    lab.kernel(f"w.workspace.worker.submit('counting', {count})")
    lab.output(1).get_by_role("button", name="Cancel").click()
    lab.kernel_until(IDLE, True)
    expect(lab.output(1).get_by_text("idle")).to_be_visible()


def test_sizes_rail_and_narrow_cells(workbench, shoot) -> None:
    lab = workbench()
    out = lab.output(1)
    left, splitter = out.locator(".pw-left"), out.get_by_role("separator", name="width of the lines")
    before = left.bounding_box()["width"]
    splitter.focus()
    lab.press("ArrowRight", "ArrowRight")
    lab.kernel_until("w.left", round(before) + 48)
    box = splitter.bounding_box()
    lab.page.mouse.move(box["x"], box["y"] + 40)
    lab.page.mouse.down()
    lab.page.mouse.move(box["x"] - 100, box["y"] + 40)
    lab.page.mouse.up()
    lab.kernel_until("w.left", round(before) - 52)
    lab.list.focus()
    lab.press("\\")
    lab.kernel_until("w.rail", True)
    assert left.bounding_box()["width"] < 130
    lab.press("\\")
    lab.page.set_viewport_size({"width": 640, "height": 1130})
    views = out.locator(".pw-right")
    assert views.bounding_box()["y"] >= left.bounding_box()["y"] + left.bounding_box()["height"] - 1
    widget = out.locator(".pw-workbench")
    shoot(widget, "workbench-narrow")
    wide = widget.evaluate("""e => [...e.querySelectorAll("*")].filter(c => !c.closest("[hidden], .pw-hidden, .pw-list")
        && c.getBoundingClientRect().right > e.getBoundingClientRect().right + 1).map(c => c.className)""")
    assert not wide  # nothing is cut off
    lab.page.set_viewport_size({"width": 1400, "height": 1130})


def test_the_tree_proposes_and_the_ledger_lists(workbench) -> None:
    lab = workbench()
    out = lab.output(1)
    out.get_by_role("button", name="Module tree").click()
    tree = out.get_by_role("tree")
    tree.get_by_text("conv1", exact=True).click()
    expect(out.get_by_text("[conv2d] channel=16 kernel=3 pad=1 weight_order=w name=conv1")).to_be_visible()
    lab.press(".")
    lab.kernel_until("len(w.ledger.rows)", 9)
    expect(out.get_by_role("option", name=re.compile("conv1.weight")).first).to_be_visible()


LONG = """
import torch
from workbench import Session
layers = 1000
lines = [f"[activation] act=relu name={i}" for i in range(layers)]
text = "\\n".join(["[input] refname=X shape=1,8", *lines, "[output] refname=*"])
session = Session(torch.nn.Sequential(*[torch.nn.ReLU() for _ in range(layers)]), torch.ones(1, 8), text)
"""


def test_a_thousand_lines(lab) -> None:
    """Only the lines in sight are drawn, wherever one goes, and what is typed shows."""
    lab.problems.clear()
    lab.run_anew(LONG, SHOW)
    ready(lab)
    lab.press("End", "ArrowUp")
    lab.kernel_until("w.lines.cursor", 1001)
    expect(row(lab, 1001)).to_contain_text("name=999")
    lab.press("Home", *["PageDown"] * 10, "Enter")
    lab.page.keyboard.type(" # seen")
    lab.press("Escape", "Escape")
    lab.kernel_until("w.workspace.document.text.splitlines()[200].endswith('# seen')", True)
    assert lab.list.get_by_role("option").count() < 120
    assert not lab.problems
