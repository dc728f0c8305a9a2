"""An untrusted notebook: no kernel has its widgets, and JupyterLab shows their static form."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest
from playwright.sync_api import expect

from workbench import Session

pytestmark = pytest.mark.browser


def save(widget: Any, path: Path) -> str:
    """Write a notebook whose only cell has the widget as its output, as JupyterLab saves it; its name."""
    data, metadata = widget._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data
    output = nbformat.v4.new_output("display_data", data, metadata=metadata)
    cell = nbformat.v4.new_code_cell("session.widget()", outputs=[output])
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(nbformat.v4.new_notebook(cells=[cell], metadata={"kernelspec": kernel}), path)
    return path.name


def test_an_untrusted_notebook_shows_the_lines(lab_root: Path, lab_address: str, browser: Any) -> None:
    from lab_driver import Lab

    session = Session.of_port("digits")
    session.check()
    context = browser.new_context(viewport={"width": 1400, "height": 1080})
    lab = Lab(context.new_page(), lab_address)
    lab.open(save(session.widget(), lab_root / "untrusted.ipynb"))
    output = lab.output(0)
    expect(output.locator("table")).to_contain_text("conv2d")
    expect(output).not_to_contain_text("Error displaying widget")
    lab.page.screenshot(path=str(Path(__file__).resolve().parents[2] / "artifacts" / "untrusted.png"))
    assert not lab.problems
    context.close()
