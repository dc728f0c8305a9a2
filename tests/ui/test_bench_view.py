"""The benchmark panel: what is measured, kept when cancelled, exported; in a browser by keys."""

from __future__ import annotations

import csv
import math
import re
from pathlib import Path

import pytest

from workbench.bench.plot import png
from workbench.bench.sheet import Row, Sheet
from workbench.session import Session
from workbench.ui.bench_view import BenchView
from workbench.ui.workspace import Workspace

SECONDS = 120
SHEET = Sheet(
    "a <b> model",
    [Row("PyTorch eager", 1, "f32", 20.0, 19.0, 25.0, 2.0, 500.0), Row("workbench", 1, "f32", 10.0, 9.0, 11.0, math.nan,
         100.0, 0.2, {"Y": 1e-7}), Row("workbench", 2, "bf16", 15.0, 14.0, 16.0)],
    {"threads": "2"}, ["a note"],
)  # fmt: skip


@pytest.fixture
def view(tmp_path, monkeypatch) -> BenchView:
    session = Session.of_port("digits")
    session.made_by = None  # PyTorch's memory takes a process of some seconds; the test in the browser measures it
    monkeypatch.chdir(tmp_path)
    return BenchView(Workspace(session), rounds=1, threads=1, batches=[1, 2])


def measured(view: BenchView) -> BenchView:
    view.measure()
    view.workspace.worker.wait(SECONDS)
    return view


def test_a_sheet_grows_batch_by_batch_and_outlives_a_cancel(view) -> None:
    view.observe(lambda change: view.do_cancel(), "rows")
    assert measured(view).state == "cancelled", view.error
    assert [r["batch"] for r in view.rows if r["contestant"] == "workbench"] == [20]
    assert view.stages[0][:2] == ["batch 20: PyTorch's memory", "passed"]
    assert any("PyTorch's memory was not measured" in line for line in view.below)
    row = view.rows[-1]
    assert row["fps"] > 0 and 0 < row["error"] < 2e-6 and row["peak"] > 0 and row["memory"] is None


def test_what_cannot_be_measured_is_told(view) -> None:
    view.batches = []
    assert measured(view).state == "failed" and "choose at least one batch" in view.error
    space = view.workspace
    space.edit(18, "[dense]   hidden=10", "[dense]   hiden=10")
    view.batches = [1]
    assert measured(view).state == "failed" and "unknown key 'hiden'" in view.error
    space.undo()


def test_exports_say_the_same_and_overwrite_nothing(view, tmp_path) -> None:
    view.show(SHEET)
    view.name = "out/bench"
    for ending in (".md", ".csv", ".json", ".png"):
        assert view.export(ending) == Path(view.wrote)
    folder = tmp_path / "out"
    assert (folder / "bench.md").read_text() == SHEET.markdown()
    assert [r[0] for r in csv.reader((folder / "bench.csv").open())] == [
        "contestant",
        *(r.contestant for r in SHEET.rows),
    ]
    assert repr(Sheet.of((folder / "bench.json").read_text(), Row).rows) == repr(SHEET.rows)
    assert (folder / "bench.png").read_bytes() == png(SHEET) == view.static_png()
    view.export(".md")  # its own file may be written anew
    (folder / "mine.md").write_text("mine")
    view.name = "out/mine"
    view._receive(view, {"do": "export", "ending": ".md"}, [])
    assert "choose another name" in view.error and (folder / "mine.md").read_text() == "mine"


@pytest.mark.parametrize(("ending", "said"), [(".exe", "no sheet is written as .exe"), (".md", "measure first")])
def test_bad_exports_are_told(view, ending: str, said: str) -> None:
    view._receive(view, {"do": "export", "ending": ending}, [])
    assert said in view.error


def test_the_static_form_is_escaped(view) -> None:
    assert "nothing is measured yet" in view.static_html() and view.static_png() == b""
    view.show(SHEET)
    assert "a &lt;b&gt; model" in view.static_html()


@pytest.mark.browser
def test_benchmark(open_notebook, shoot, lab_root) -> None:
    from playwright.sync_api import expect

    lab = open_notebook('from workbench import Session\nsession = Session.of_port("digits")', "w = session.widget()\nw")
    out = lab.output(1)
    out.locator("[data-ready=true]").wait_for()
    lab.kernel_until("w.workspace.traced and w.workspace.busy.title == ''", True)
    out.get_by_role("tab", name="Benchmark").click()
    panel = out.get_by_role("group", name="Benchmark", exact=True)
    panel.get_by_label("4", exact=True).uncheck()
    rounds = panel.get_by_role("spinbutton", name="rounds")
    rounds.fill("2")
    rounds.press("Tab")
    lab.kernel_until("(w.bench.batches, w.bench.rounds)", ([1, 2], 2))
    panel.get_by_role("button", name="Measure").press("Enter")
    expect(panel.get_by_role("list", name="stages")).to_contain_text("batch 20: PyTorch's memory")
    lab.page.keyboard.type("dd")  # the focus stays in the widget
    assert lab.cells() == 2
    lab.kernel_until("w.bench.state", "done", 300)
    said = re.compile("batch 20: .*workbench [0-9,.]+.*; batch 40: .*PyTorch eager")
    expect(panel.get_by_role("img", name="frames per second")).to_have_attribute("aria-label", said)
    expect(panel.get_by_role("img", name="peak memory")).to_be_visible()
    expect(panel.get_by_role("row")).to_have_count(1 + 2 * 4)
    for ending, label in ((".md", "Markdown"), (".png", "PNG")):
        panel.get_by_role("button", name=label).click()
        lab.kernel_until("w.bench.wrote", f"digits-bench{ending}")
    assert (lab_root / "digits-bench.png").read_bytes().startswith(b"\x89PNG")
    assert "| workbench | 40 | f32 |" in (lab_root / "digits-bench.md").read_text()
    for theme in ("Light", "Dark"):
        lab.theme(theme)
        shoot(out, f"bench-{theme.lower()}")
    panel.get_by_role("button", name="Measure").focus()
    for key in "ddbxz":
        lab.page.keyboard.press(key)
    assert lab.cells() == 2
