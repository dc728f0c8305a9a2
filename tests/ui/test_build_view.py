"""The build panel: stages, what came of them, cancelling, what is wrong; in a browser by keys."""

from __future__ import annotations

import re
import shutil
import sys
import threading
from collections.abc import Iterator

import pytest

from workbench.engines.build import Network
from workbench.session import Session
from workbench.ui.build_view import BuildView
from workbench.ui.memory import Memory, Tenant
from workbench.ui.workspace import Workspace

SECONDS = 60


@pytest.fixture(scope="module")
def session() -> Session:
    return Session.of_port("digits")


@pytest.fixture
def view(session, tmp_path, monkeypatch) -> Iterator[BuildView]:
    monkeypatch.chdir(tmp_path)
    yield BuildView(Workspace(session), file="digits.engine")
    while session.undo():
        pass


def built(view: BuildView, **chosen) -> BuildView:
    for name, value in chosen.items():
        setattr(view, name, value)
    view.build()
    view.workspace.worker.wait(SECONDS)
    return view


def marks(view: BuildView) -> dict[str, str]:
    return {name: state for name, state, *_ in view.stages}


def test_built_then_opened_then_built_again_and_why(view, tmp_path) -> None:
    assert built(view).state == "done" and view.error == ""
    assert marks(view) == dict.fromkeys(
        ["config", "weights", "engine file", "compile", "write", "compare"], "passed"
    ) | {"open": "unchecked"}
    assert view.note == "Built digits.engine: there was no engine file"
    facts, size = dict(view.facts), (tmp_path / "digits.engine").stat().st_size
    assert facts["engine file"] == f"digits.engine, {size:,} bytes" and facts["weights"] == "24,552 bytes"
    assert view.errors[0][0] == "PROBABILITY" and 0 < view.errors[0][1] < 2e-6
    assert built(view).note.startswith("Opened digits.engine") and marks(view)["compile"] == "unchecked"
    assert "precision changed from f32 to f16" in built(view, precision="f16").note


def test_what_openvino_tells_of_memory_and_fusions(view) -> None:
    memory = built(view).memory
    assert memory["arena"] == 0 and "does not tell where" in memory["note"]
    # relu1 (16 x 8 x 8 floats) is read while relu2 (32 x 4 x 4 floats) is written
    assert memory["bound"] == max(memory["alive"]) == 4 * (16 * 8 * 8 + 32 * 4 * 4)
    assert memory["peak"] == "line 15 conv2d"
    assert ["Convolution + Add + conv2d", 2, [13, 15]] in view.fusions
    assert view.static_png().startswith(b"\x89PNG") and "there was no engine file" in view.static_html()


@pytest.mark.parametrize(("first", "last"), [(0, 0), (-1, 1), (1, 3), (2, 3)])
def test_bytes_alive(first: int, last: int) -> None:
    tenants = [Tenant("x", 5, 0, first, last, "other"), Tenant("y", 2, 8, 1, 1, "other")]
    memory = Memory("step", ["a", "b", "c"], tenants, arena=10, bound=7, note="")
    assert memory.alive() == [5 * (first <= step <= last) + 2 * (step == 1) for step in range(3)]


@pytest.mark.parametrize("batch", [40, 30])
def test_a_batch_by_the_configs_parameter(tmp_path, monkeypatch, batch: int) -> None:
    monkeypatch.chdir(tmp_path)
    view = BuildView(Workspace(Session.of_port("digits", params="BATCH_SIZE=20")))
    assert view.batch == 20 and not view.batch_note
    assert dict(built(view, batch=batch, file="b.engine").facts)["inputs"] == f"IMAGE u8[{batch},8,8,1]"
    seen = {name: text for name, _, text, _ in view.stages}["compare"]
    assert seen == ("1 output" if batch == 40 else "not compared: a batch of 30 does not hold the example's 20")


def test_a_batch_that_the_config_fixes(session, tmp_path) -> None:
    text = session.document.text.replace("$BATCH_SIZE", "20").replace("engine_file=weights/digits.engine", "")
    view = BuildView(Workspace(Session(session.model, session.example, text, feeds=session.feeds())))
    assert view.batch_fixed and view.batch_note == "the config has no $BATCH_SIZE"
    assert built(view).state == "done" and dict(view.facts)["engine file"] == "none kept"


def test_errors_stand_in_the_panel_with_their_fix(view, monkeypatch) -> None:
    built(view)
    monkeypatch.setitem(sys.modules, "pycuda", None)
    view.do_look()
    view.workspace.worker.wait(SECONDS)
    assert [bool(why) for _, _, why in view.engines] == [False, True, False]
    built(view, engine="cuda", precision="f32")
    assert view.state == "failed" and "the cuda engine needs the package pycuda" in view.error
    assert "note: pip install pycuda" in view.error
    assert marks(view)["engine file"] == "failed" and marks(view)["compile"] == "unchecked"
    assert view.told_by == "openvino f32"  # what was built before stays
    space = view.workspace
    space.edit(18, "[dense]   hidden=10", "[dense]   hiden=10")
    assert re.search(r"digits.cfg:18:\d+ .*unknown key 'hiden'", built(view, engine="openvino").error)
    space.undo()
    assert built(view).state == "done" and view.error == ""


def test_cancelled_between_stages(view, tmp_path, monkeypatch) -> None:
    begun, go_on, build = threading.Event(), threading.Event(), Network.build

    def slow(*args, **options):
        begun.set()
        assert go_on.wait(SECONDS)
        return build(*args, **options)

    monkeypatch.setattr(Network, "build", slow)
    view.build()
    assert begun.wait(SECONDS) and view.state == "running"
    view.do_build()  # one at a time
    view.do_cancel()
    assert view.stopping == "ends after this stage: the compiler cannot be interrupted"
    go_on.set()
    view.workspace.worker.wait(SECONDS)
    assert view.state == "cancelled" and view.stopping == "" and not (tmp_path / "digits.engine").exists()
    assert marks(view)["write"] == "unchecked" and view.told_by == ""


def test_a_fault_of_ours_is_told_and_the_next_build_runs(view, monkeypatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(threading, "excepthook", lambda args: None)
        patch.setattr(Network, "build", lambda *args, **options: 1 // 0)
        assert built(view).state == "failed" and "fault of the workbench" in view.error
    assert built(view).state == "done"


@pytest.mark.parametrize("tunes", [False, pytest.param(True, id="kernels by trial")])
@pytest.mark.emulator
@pytest.mark.skipif(not shutil.which("g++"), reason="the emulator needs g++")
def test_the_emulators_plan_is_drawn(view, monkeypatch, tunes: bool) -> None:
    from workbench.engines.cuda.engine import EmulatorEngine

    monkeypatch.setattr(EmulatorEngine, "tunes", tunes)
    memory = built(view, engine="emulator").memory
    assert memory["unit"] == "kernel call" and len(memory["steps"]) == 6 and memory["bound"] == max(memory["alive"])
    for name, nbytes, offset, first, last, _ in memory["tenants"]:
        others = [t for t in memory["tenants"] if t[0] != name and t[3] <= last and first <= t[4]]
        assert all(offset + nbytes <= t[2] or t[2] + t[1] <= offset for t in others)
        assert offset + nbytes <= memory["arena"]
    assert marks(view)["kernels"] == "passed" and view.fusions == [["reshape", 1, [17]]]
    chosen = [line for line, _, _, _, verdict in view.tactics if verdict == "chosen"]
    assert len(chosen) == len({line for line, *_ in view.tactics}) == 3 * tunes


@pytest.mark.browser
def test_build(open_notebook, shoot) -> None:
    from playwright.sync_api import expect

    lab = open_notebook('from workbench import Session\nsession = Session.of_port("digits")', "w = session.widget()\nw")
    out = lab.output(1)
    out.locator("[data-ready=true]").wait_for()
    lab.kernel_until("w.workspace.traced and w.workspace.busy.title == ''", True)
    out.get_by_role("listbox", name="config lines").focus()
    lab.page.keyboard.press("g")
    lab.kernel_until("(w.tab, w.builder.state)", ("build", "done"))
    panel = out.get_by_role("group", name="Build", exact=True)
    expect(panel.get_by_role("img", name="bytes alive over 12 operators")).to_be_visible()
    expect(panel).to_contain_text("OpenVINO does not tell where its tensors lie")
    panel.get_by_role("button", name="emulator").click()
    for precision in ("bf16", "f32"):
        panel.get_by_role("button", name=precision, exact=True).press("Enter")
        lab.kernel_until("w.builder.precision", precision)
        expect(panel.get_by_role("button", name=precision, exact=True)).to_be_focused()
    panel.get_by_role("button", name="Build").click()
    lab.page.keyboard.type("dd")  # the focus stays in the widget while it builds
    lab.kernel_until("w.builder.told_by", "emulator f32")
    lab.kernel_until("w.builder.state", "done")
    plan = panel.get_by_role("img", name=re.compile("memory plan: 7 tensors over 6 kernel calls in an arena of 6.0 kB"))
    expect(plan).to_be_visible()
    expect(panel.get_by_role("region", name="result")).to_contain_text("engine changed from openvino")
    for theme in ("Light", "Dark"):
        lab.theme(theme)
        shoot(out, f"build-{theme.lower()}")
    lab.theme("Light")
    panel.get_by_role("button", name="cuda").click()
    panel.get_by_role("button", name="Build").click()
    lab.kernel_until("w.builder.state", "failed")
    expect(panel.get_by_role("alert")).to_contain_text("cuda engine needs")
    expect(panel.locator(".pw-options")).to_contain_text("the cuda engine needs the package pycuda")
    expect(plan).to_be_visible()
    panel.get_by_role("button", name="Build").focus()
    for key in "ddbxz":
        lab.page.keyboard.press(key)
    assert lab.cells() == 2
