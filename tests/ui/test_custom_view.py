"""The custom-layer panel: what is registered, its source and report, and the line that an error is about."""

from __future__ import annotations

import shutil

import pytest

from workbench.custom import CudaLayer, cuda_layer
from workbench.custom.source import Source
from workbench.layers.base import LAYERS, Case
from workbench.session import Session
from workbench.ui import custom_view
from workbench.ui.custom_view import CustomView
from workbench.ui.workspace import Workspace

pytestmark = [pytest.mark.emulator, pytest.mark.skipif(not shutil.which("g++"), reason="the emulator needs g++")]

KERNEL = """extern "C" __global__ void twice(const float* x, float* y, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) y[i] = 2.0f * x[i];
}
"""


@pytest.fixture
def twice():
    @cuda_layer("twice")
    class Twice(CudaLayer):
        CASES = [Case("", [(2, 3, 5)])]

        def infer(self, x):
            return [x]

        def reference_numpy(self, w, x):
            return 2 * x

        def launches(self, x, y, w):
            return self.flat("twice", y[0].count, *x, *y, y[0].count)

    yield Twice
    del LAYERS["twice"]


@pytest.fixture(scope="module")
def space() -> Workspace:
    return Workspace(Session.of_port("digits"))


def checked(space: Workspace) -> CustomView:
    view = CustomView(space, chosen="Twice", time_limit=5.0)
    view.check()
    space.worker.wait(120)
    return view


def test_source_report_parity_and_time(space, twice) -> None:
    twice.kernel = Source.of_cell("Twice", KERNEL)
    view = checked(space)
    assert ["Twice", "[twice]"] in view.layers and view.state == "done" and view.config.startswith("[twice]")
    assert view.source.splitlines()[1:] == KERNEL.splitlines() and view.label == "cell Twice" and view.marked == 0
    steps = {name: (ok, lines) for name, ok, lines, _ in view.steps}
    assert all(steps[name][0] for name in ("cases", "compiles", "check mode", "parity", "determinism", "time"))
    assert (
        any("error 0.0e+00, allowed" in line for line in steps["parity"][1])
        and "ms in the emulator" in steps["time"][1][0]
    )
    assert {n: s for n, s, *_ in view.stages}["parity"] == "passed" and twice.report is view.report
    assert {n: text for n, _, text, _ in view.stages}["parity"] == f"{len(steps['parity'][1])} comparisons"
    assert "2.0f * x[i]" in view.static_html()


@pytest.mark.parametrize(
    ("before", "after", "step", "line"),
    [("2.0f * x[i]", "2.0f * x[i", "compiles", 4), ("2.0f", "3.0f", "parity", 0), ("i < n", "true", "check mode", 4)],
)
def test_a_mistake_is_found_and_its_line_marked(space, twice, before: str, after: str, step: str, line: int) -> None:
    twice.kernel = Source.of_cell("Twice", KERNEL.replace(before, after))
    view = checked(space)
    name, ok, _, error = view.steps[-1]
    assert (name, ok) == (step, False) and error and view.marked == line
    assert {n: s for n, s, *_ in view.stages}[step] == "failed"


def test_without_a_layer_the_panel_says_what_to_do(space, monkeypatch) -> None:
    monkeypatch.setattr(custom_view, "_registered", dict)
    view = checked(space)
    assert view.layers == [] and view.state == "failed" and "%%cuda_layer" in view.error


CELLS = f'''
from workbench import Session
from workbench.custom import *
from workbench.custom.source import Source

@cuda_layer("twice")
class Twice(CudaLayer):
    CASES = [Case("", [(2, 3, 5)])]
    def infer(self, x):
        return [x]
    def reference_numpy(self, w, x):
        return 2 * x
    def launches(self, x, y, w):
        return self.flat("twice", y[0].count, *x, *y, y[0].count)

KERNEL = """{KERNEL}"""
Twice.kernel = Source.of_cell("Twice", KERNEL.replace("i < n", "i <= n"))
session = Session.of_port("digits")
'''


@pytest.mark.browser
def test_custom_layer(open_notebook, shoot) -> None:
    from playwright.sync_api import expect

    lab = open_notebook(CELLS, "w = session.widget()\nw")
    out = lab.output(1)
    out.locator("[data-ready=true]").wait_for()
    lab.kernel_until("w.workspace.traced and w.workspace.busy.title == ''", True)
    out.get_by_role("tab", name="Custom layers").click()
    panel = out.get_by_role("group", name="Custom layers", exact=True)
    panel.get_by_role("button", name="Check").press("Enter")
    lab.kernel_until("w.custom.state", "done")
    marked = panel.get_by_role("region", name="CUDA source").locator("[aria-current=location]")
    expect(marked).to_contain_text("if (i <= n)")
    shoot(out, "custom-fails")
    lab.kernel("setattr(Twice, 'kernel', Source.of_cell('Twice', KERNEL))")
    panel.get_by_role("button", name="Check").press("Enter")
    lab.kernel_until("w.custom.marked == 0 and w.custom.report.ok", True)
    expect(panel.get_by_role("list", name="stages").get_by_role("img", name="passed")).to_have_count(6)
    for theme in ("Light", "Dark"):
        lab.theme(theme)
        shoot(out, f"custom-{theme.lower()}")
