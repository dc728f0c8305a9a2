"""Take the pictures of the workbench that docs/widgets.md shows, in JupyterLab with a real port.

    python tools/ui_pictures.py

Needs chromium and the test extra; two minutes. Each picture is what a reader's screen shows, in few colours.
"""

from __future__ import annotations

import io
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "ui")]

from lab_driver import CHROMIUM, Lab, jupyterlab, write_notebook  # noqa: E402

SIZE = {"width": 1420, "height": 1130}
# A detector with one line that does not say what the original does.
DETECTOR = """
from pathlib import Path
from workbench import Session
from workbench.paths import configs_dir
text = (configs_dir() / "yolox_tiny_text.cfg").read_text()
right = "stride=2 pad=1 refname=D3 "
assert text.count(right) == 1
Path("yolox_tiny_text.cfg").write_text(text.replace(right, right + "act=relu "))
session = Session.of_port("yolox_tiny_text", config="yolox_tiny_text.cfg")
"""
# Those of most readers, where JupyterLab's own choice depends on the machine.
FONTS = """:root { --jp-ui-font-family: "Liberation Sans", Arial, sans-serif !important;
                --jp-code-font-family: "DejaVu Sans Mono", Menlo, monospace !important; }"""
SHOW = "w = session.widget()\nw"


def fault(lab: Lab) -> None:
    """All lines checked, the cursor on the first that fails."""
    lab.press("c")
    lab.kernel_until("w.workspace.diagnosis is not None and w.workspace.busy.title == ''", True)
    lab.press("f")
    lab.kernel_until("w.lines.row()['status']", "failed")
    lab.kernel_until("w.tensors.title", "backbone.backbone.dark3.0")


def editing(lab: Lab) -> None:
    """A misspelt key with its error, and a line being written; in the dark theme."""
    lab.kernel("w.set_trait('rail', False)")
    lab.kernel("w.set_trait('tab', 'tensors')")
    lab.theme("Dark")
    lab.output(1).get_by_role("listbox", name="config lines").focus()
    lab.press("j", "Enter")
    lab.page.keyboard.type(" kernal=1")
    lab.press("Escape", "Escape", "j", "Enter")
    lab.page.keyboard.type(" act=s")
    lab.kernel_until("w.workspace.counts()['text'] > 0 and w.workspace.busy.title == ''", True)


def build(lab: Lab) -> None:
    """The engine of the line put right."""
    lab.press("Escape", "Escape")
    lab.theme("Light")
    lab.output(1).get_by_role("listbox", name="config lines").focus()
    lab.press("Control+z", "Control+z")
    lab.kernel_until("w.unsaved", 0)
    lab.kernel("w.set_trait('rail', True)")
    lab.output(1).get_by_role("tab", name="Build").click()
    lab.press("g")
    lab.kernel_until("w.builder.state", "done", 300)


def masks(lab: Lab) -> None:
    """What the fault does to the result, the lines folded to a rail."""
    lab.theme("Light")
    lab.output(1).get_by_role("tab", name="Masks").click()
    lab.kernel_until("len(w.masks.rows) > 0 and w.workspace.busy.title == ''", True)
    lab.kernel_until("w.masks.drawn == w.masks.sequence", True)
    lab.kernel("w.set_trait('rail', True)")


PICTURES: dict[str, Callable[[Lab], None]] = {
    "workbench": fault,
    "workbench-masks": masks,
    "workbench-edit": editing,
    "workbench-build": build,
}


def shoot(browser: Browser, folder: Path) -> None:
    with jupyterlab(folder, folder) as address:
        page = browser.new_page(viewport=SIZE, reduced_motion="reduce")
        lab = Lab(page, address)
        lab.open(write_notebook(folder / "port.ipynb", DETECTOR, SHOW).name)
        lab.wide()
        page.add_style_tag(content=FONTS)
        lab.run_all()
        widget = lab.output(1).locator("[data-ready=true]")
        widget.wait_for()
        lab.kernel_until("w.workspace.traced and w.workspace.busy.title == ''", True)
        lab.output(1).get_by_role("listbox", name="config lines").focus()
        for name, prepare in PICTURES.items():
            prepare(lab)
            page.wait_for_timeout(500)  # the last map is drawn
            save(widget.screenshot(), ROOT / "docs" / f"{name}.png")
        assert not lab.problems, lab.problems


def save(png: bytes, path: Path) -> None:
    """A screenshot holds few colours but for its maps: 256 tell it well, in a third of the bytes."""
    picture = Image.open(io.BytesIO(png)).convert("RGB").quantize(256, kmeans=2, dither=Image.Dither.NONE)
    picture.save(path, optimize=True)
    print(path.relative_to(ROOT), f"{path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=CHROMIUM)
        shoot(chromium, Path(folder))
        chromium.close()
