"""How fast the widgets are, measured in JupyterLab in chromium, from key to pixels.

    python benchmarks/ui_views.py [RECORD.json]

Needs chromium, the test extra and Ultralytics' package (the line that is edited is of YOLOv8-pose); about two minutes.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from workbench.atomic import write_text
from workbench.bench.machine import cores, machine
from workbench.bench.tool import Figure, Figures

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "ui"))

from lab_driver import CHROMIUM, Lab, jupyterlab, write_notebook  # noqa: E402

SIZE = {"width": 1420, "height": 1130}
SWITCHES, EDITS = 20, ("relu", "tanh", "sigmoid", "gelu", "mish", "elu")

TENSORS = """
import numpy as np
from workbench.ui.tensor_view import TensorView
r = np.random.default_rng(0).normal(size=(1, {channels}, {side}, {side})).astype(np.float32)
view = TensorView(r, r * np.float32(1.0001), tolerance=1e-6, channel=1, title="{side} x {side}")
view
"""
PORT = """
from workbench import Session
from workbench.config.document import Document
from workbench.ports import get_port
path = get_port("{port}").part("{part}").config_path
session = Session.of_port("{port}", "{part}", config=Document(path.read_text(), "<{port}>"))
"""
LONG = """
import torch
from workbench import Session
layers = 1000
lines = [f"[activation] act=relu name={i}" for i in range(layers)]
text = "\\n".join(["[input] refname=X shape=1,8", *lines, "[output] refname=*"])
session = Session(torch.nn.Sequential(*[torch.nn.ReLU() for _ in range(layers)]), torch.ones(1, 8), text)
"""
SHOW = "w = session.widget()\nw"

# Milliseconds from each key to the picture that it asks for being drawn: a step to a neighbour after a rest, which was
# sent ahead, or a jump to a channel that was not.
SWITCH = """async ([root, times, jumps]) => {
    const found = [], map = root.querySelector('canvas.pw-map'), slider = root.querySelector('input[type=range]');
    const drawn = () => new Promise((resolve, reject) => {
        const seen = new MutationObserver(() => { seen.disconnect(); resolve(performance.now()); });
        seen.observe(root, {attributes: true, attributeFilter: ['data-shown']});
        setTimeout(() => reject(new Error('no picture came')), 20000); });
    for (let i = 0; i < times; i++) {
        const picture = drawn(), start = performance.now();
        if (jumps) { slider.value = i % 2 ? 3 : 0; slider.dispatchEvent(new Event('input', {bubbles: true})); }
        else map.dispatchEvent(new KeyboardEvent('keydown', {key: i % 2 ? '[' : ']', bubbles: true, cancelable: true}));
        found.push(await picture - start);
        await new Promise(resolve => setTimeout(resolve, 400));
    }
    return found; }"""
# Milliseconds from a line's new text, as typed, to its verdict being drawn.
EDIT = """async ([root, line, text]) => {
    const area = root.querySelector('.pw-edit textarea'), list = root.querySelector('.pw-list');
    const glyph = () => list.querySelector(`[data-line='${line}'] .pw-ln-gl svg`)?.getAttribute('class') ?? '';
    const judged = new Promise((resolve, reject) => { let stale = false;
        setTimeout(() => reject(new Error('no verdict came')), 20000);
        const seen = new MutationObserver(() => { stale ||= /stale|unchecked/.test(glyph());
            if (stale && /failed|passed/.test(glyph())) { seen.disconnect(); resolve(); } });
        seen.observe(list, {subtree: true, childList: true, attributes: true}); });
    const start = performance.now();
    area.value = text;
    area.dispatchEvent(new Event('input', {bubbles: true}));
    await judged;
    return performance.now() - start; }"""
# Milliseconds from each arrow to its line being drawn and laid out.
STEP = """async ([list, times]) => {
    const found = [];
    for (let i = 0; i < times; i++) {
        const start = performance.now();
        list.dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowDown', bubbles: true, cancelable: true}));
        list.getBoundingClientRect();
        found.push(performance.now() - start);
        await new Promise(resolve => setTimeout(resolve, 50));
    }
    return found; }"""
# Milliseconds from running the cell to the lines and the views being in the page.
PAINT = """async () => {
    const {content} = window.notebook;
    content.activeCellIndex = 1;
    const seen = new Promise(resolve => { const look = new MutationObserver(() => {
        if (content.node.querySelector('.pw-workbench[data-ready=true] .pw-ln')) { look.disconnect(); resolve(); } });
        look.observe(content.node, {subtree: true, childList: true, attributes: true}); });
    const start = performance.now();
    window.jupyterapp.commands.execute('notebook:run-cell');
    await seen;
    await new Promise(requestAnimationFrame);
    return performance.now() - start; }"""


class Measuring:
    """A notebook at a time, of one page; each method gives the figures that it finds."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        self.lab, self.folder = lab, folder

    def open(self, name: str, *cells: str) -> None:
        self.lab.open(write_notebook(self.folder / f"{name}.ipynb", *cells).name)
        self.lab.wide()

    def element(self, selector: str) -> Any:
        return self.lab.output(-1).locator(selector).first.element_handle()

    def channel_switch(self, side: int, channels: int, most: float) -> list[Figure]:
        self.open(f"channels-{side}", TENSORS.format(side=side, channels=channels))
        self.lab.run_all()
        root = self.element(".pw-tensors[data-sequence]")
        self.lab.page.wait_for_timeout(2000)  # the whole tensor has been read
        steps, jumps = (self.lab.page.evaluate(SWITCH, [root, SWITCHES, jump]) for jump in (False, True))
        self.lab.shut_down()
        what = f"channel switch, {side} x {side}"
        return [
            Figure(f"{what}, to the next after a rest, median", statistics.median(steps), "ms", most),
            Figure(f"{what}, slowest of {SWITCHES}", max(steps), "ms"),
            Figure(f"{what}, to any other, median", statistics.median(jumps), "ms", most),
            Figure(f"{what}, slowest of {SWITCHES}", max(jumps), "ms"),
        ]

    def first_paint(self) -> list[Figure]:
        """Of the longest config that has a port; the cell before it has made the session."""
        self.open("paint", PORT.format(port="mobile_sam", part="image_encoder"), "0")
        self.lab.run_all()
        self.lab.page.evaluate(
            "text => window.notebook.content.widgets[1].model.sharedModel.setSource(text)",
            SHOW,
        )
        first = self.lab.page.evaluate(PAINT)
        lines = self.lab.kernel("w.workspace.document.text.count('\\n')")
        self.lab.kernel_until("w.workspace.traced and w.workspace.busy.title == ''", True)
        again = [self.lab.page.evaluate(PAINT) for _ in range(3)]
        self.lab.shut_down()
        return [
            Figure(f"first paint of the workbench, {lines} lines, in a new kernel", first, "ms", 1000),
            Figure("the same again, median of 3", statistics.median(again), "ms"),
        ]

    def long_config(self) -> list[Figure]:
        """Steps from line to line of a thousand."""
        self.open("long", LONG, SHOW)
        self.lab.run_all()
        self.lab.output(1).locator("[data-ready=true]").wait_for()
        self.lab.kernel_until("w.workspace.traced and w.workspace.busy.title == ''", True)
        times = self.lab.page.evaluate(STEP, [self.element(".pw-list"), SWITCHES])
        self.lab.shut_down()
        return [Figure("a step to the next of 1000 lines, median", statistics.median(times), "ms", 50)]

    def edits(self) -> list[Figure]:
        """Of a line in the middle, to its own verdict; then the notebook's size, with all that was shown in it."""
        self.open("edits", PORT.format(port="yolov8_pose", part=""), SHOW)
        self.lab.run_all()
        self.lab.output(1).locator("[data-ready=true]").wait_for()
        self.lab.kernel_until("w.workspace.traced and w.workspace.busy.title == ''", True)
        self.lab.output(1).get_by_role("listbox", name="config lines").focus()
        self.lab.press("c")
        self.lab.kernel_until("w.workspace.diagnosis is not None and w.workspace.busy.title == ''", True)
        rows = "[r for r in w.lines.rows if r.get('status') == 'passed' and r['tag'] == 'conv2d']"
        line = self.lab.kernel(f"(lambda rows: rows[len(rows) // 2]['line'])({rows})")
        self.lab.kernel(f"w.lines.set_trait('cursor', {line})")
        text = self.lab.kernel(f"w.workspace.document.text.splitlines()[{line - 1}]")
        self.lab.page.wait_for_timeout(1000)
        self.lab.press("Enter")
        root, times = self.element(".pw-lines"), []
        for act in EDITS:
            times.append(self.lab.page.evaluate(EDIT, [root, line, f"{text} act={act}"]))
            self.lab.page.wait_for_timeout(1500)
        self.lab.press("Escape", "Escape")
        self.lab.page.evaluate("async () => await window.notebook.context.save()")
        size = (self.folder / "edits.ipynb").stat().st_size / 1000
        self.lab.shut_down()
        return [
            Figure("line edit to verdict, YOLOv8-pose, median", statistics.median(times), "ms", 300),
            Figure(f"line edit to verdict, slowest of {len(EDITS)}", max(times), "ms"),
            Figure("the notebook's file after that", size, "kB", 1000),
        ]


def measure() -> Figures:
    load = os.getloadavg()[0]  # above the number of cores, others' work is in every figure
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        chromium = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=CHROMIUM)
        with jupyterlab(folder, folder) as address:
            lab = Lab(chromium.new_page(viewport=SIZE, reduced_motion="reduce"), address)
            run = Measuring(lab, folder)
            rows = [
                *run.channel_switch(133, 128, 15),
                *run.channel_switch(1024, 4, 60),
                *run.first_paint(),
                *run.long_config(),
                *run.edits(),
            ]
        version = chromium.version
        chromium.close()
    return Figures(
        "The widgets in the browser",
        rows,
        machine(cores()) | {"chromium": version, "load average as it began": f"{load:.1f}"},
    )


if __name__ == "__main__":
    figures = measure()
    print(figures)
    if len(sys.argv) > 1:
        write_text(Path(sys.argv[1]), figures.json())
