"""A JupyterLab and a chromium for all browser tests; each test gets a page with a notebook of its own.

    def test_something(open_notebook):
        lab = open_notebook("x = 1", "widget")      # written, opened, run
        lab.output(1).get_by_role("button", name="Check all").click()

Screenshots (`shoot`) go to artifacts/, which git ignores.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ARTIFACTS = Path(__file__).resolve().parents[2] / "artifacts"
BROWSER = shutil.which("chromium")


@pytest.fixture(scope="session")
def lab_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that JupyterLab serves; notebooks run in it."""
    return tmp_path_factory.mktemp("notebooks")


@pytest.fixture(scope="session")
def lab_address(lab_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    from lab_driver import jupyterlab

    with jupyterlab(lab_root, tmp_path_factory.mktemp("lab")) as address:
        yield address


@pytest.fixture(scope="session")
def browser() -> Iterator[object]:
    from lab_driver import CHROMIUM
    from playwright.sync_api import sync_playwright

    if BROWSER is None:
        pytest.fail("chromium is not installed: apt install chromium")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=BROWSER, args=CHROMIUM)
        yield chromium
        chromium.close()


@pytest.fixture
def open_notebook(lab_root: Path, lab_address: str, browser, request: pytest.FixtureRequest) -> Iterator[Callable]:
    """open_notebook(*cells) → a Lab whose cells have run; console errors fail the test at its end."""
    from lab_driver import Lab, write_notebook

    context = browser.new_context(viewport={"width": 1400, "height": 1080}, reduced_motion="reduce")
    labs: list[Lab] = []

    def opened(*cells: str, name: str = "") -> Lab:
        path = write_notebook(lab_root / f"{name or request.node.name}.ipynb", *cells)
        lab = Lab(context.new_page(), lab_address)
        labs.append(lab)
        lab.open(path.name)
        lab.run_all()
        return lab

    yield opened
    for lab in labs:
        lab.theme("Light")  # JupyterLab remembers the one that a test has chosen, for the next
        lab.shut_down()
    context.close()
    assert not [problem for lab in labs for problem in lab.problems]


@pytest.fixture
def shoot() -> Callable[[object, str], None]:
    """shoot(page_or_locator, "name") → artifacts/name.png."""

    def taken(target, name: str) -> None:
        ARTIFACTS.mkdir(exist_ok=True)
        target.screenshot(path=ARTIFACTS / f"{name}.png")

    return taken
