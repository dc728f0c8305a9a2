"""An isolated JupyterLab on 127.0.0.1, and one notebook of it in a real browser."""

from __future__ import annotations

import ast
import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
from playwright.sync_api import Locator, Page

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync"]  # fmt: skip
# The user's settings before the start: no toasts, no autosave, every cell in the page.
SETTINGS: dict[str, dict[str, Any]] = {
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False, "doNotDisturbMode": True},
    "docmanager-extension/plugin": {"autosave": False},
    "notebook-extension/tracker": {"windowingMode": "none"},
}
FOLDERS = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR",
           "JUPYTERLAB_SETTINGS_DIR", "JUPYTERLAB_WORKSPACES_DIR")  # fmt: skip
JUPYTERLAB_SAYS = ("Could not restore the debugger state",)  # after a kernel's restart, of itself
SECONDS = 60  # how long anything may take on a busy machine


@contextlib.contextmanager
def jupyterlab(root: Path, state: Path) -> Iterator[str]:
    """Run JupyterLab on the notebooks in `root`; the address, with its token. `state` holds all its own folders."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    token = secrets.token_hex(16)
    with (state / "jupyterlab.log").open("w") as log:
        process = subprocess.Popen(_command(root, port), env=_environment(state, token), stdout=log, stderr=log,
                                   start_new_session=True)  # fmt: skip
        try:
            _wait(process, f"http://127.0.0.1:{port}/api/status?token={token}", state / "jupyterlab.log")
            yield f"http://127.0.0.1:{port}/lab/tree/{{path}}?reset&token={token}"
        finally:
            _stop(process)


def _command(root: Path, port: int) -> list[str]:
    options = {
        "ServerApp.ip": "127.0.0.1", "ServerApp.port": port, "ServerApp.port_retries": 0, "ServerApp.root_dir": root,
        "LabApp.expose_app_in_browser": True, "LabApp.news_url": None, "LabApp.extension_manager": "readonly",
        "LabApp.check_for_updates_class": "jupyterlab.handlers.announcements.NeverCheckForUpdate",
    }  # fmt: skip
    words = [f"--{name}={value}" for name, value in options.items()]
    return [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", *words]


def _environment(state: Path, token: str) -> dict[str, str]:
    env = {k: v for k, v in os.environ.items() if not k.startswith(("JUPYTER", "IPYTHON"))}
    for name in FOLDERS:
        folder = state.resolve() / name.lower()
        folder.mkdir(parents=True, exist_ok=True)
        env[name] = str(folder)
    for name, value in SETTINGS.items():
        path = state / "jupyterlab_settings_dir/@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(value))
    paths = {"PATH": f"{Path(sys.executable).parent}:{env['PATH']}", "PYTHONPATH": str(ROOT)}
    return env | paths | {"JUPYTER_TOKEN": token, "PYDEVD_DISABLE_FILE_VALIDATION": "1"}


def _wait(process: subprocess.Popen[bytes], address: str, log: Path) -> None:
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        assert process.poll() is None, log.read_text()[-3000:]
        with contextlib.suppress(OSError):
            urllib.request.urlopen(address, timeout=2)
            return
        time.sleep(0.1)
    raise AssertionError(f"JupyterLab did not start: {log.read_text()[-3000:]}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def write_notebook(path: Path, *cells: str) -> Path:
    """A notebook of these code cells."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, path)
    return path


class Lab:
    """One notebook in one page, driven by window.jupyterapp's commands rather than by menus.

    `problems` holds what the browser's console was told of errors; a test ends with `assert not lab.problems`.
    """

    def __init__(self, page: Page, address: str) -> None:
        self.page, self.address = page, address
        self.problems: list[str] = []
        page.on("pageerror", lambda error: self.problems.append(f"pageerror: {error}"))
        page.on("console", self._told)

    def _told(self, message: Any) -> None:
        if message.type == "error" and not message.text.startswith(JUPYTERLAB_SAYS):
            self.problems.append(f"console: {message.text}")

    def open(self, path: str) -> None:
        """Open a notebook, by its path from the server's root, and wait for its kernel."""
        self.page.goto(self.address.format(path=path), wait_until="domcontentloaded")
        self.page.wait_for_function("window.jupyterapp !== undefined", timeout=SECONDS * 1000)
        self.page.evaluate(
            """async path => {
            const app = window.jupyterapp; await app.started; await app.restored;
            const nb = await app.commands.execute('docmanager:open', {path});
            await nb.context.ready; await nb.sessionContext.ready; await nb.revealed;
            await nb.sessionContext.session.kernel.info; window.notebook = nb; }""",
            path,
        )
        self._await_splash()

    def _await_splash(self) -> None:
        """The splash covers the page after a load and after a theme change; it swallows clicks and screenshots."""
        self.page.locator("#jupyterlab-splash").wait_for(state="detached")

    def run_all(self) -> None:
        """Run every cell; an error in one, which ends the run, fails the test."""
        self.page.evaluate("""async () => { window.jupyterapp.shell.activateById(window.notebook.id);
            await window.jupyterapp.commands.execute('notebook:run-all-cells'); }""")
        errors = self.page.wait_for_function(
            """() => {
            const cells = window.notebook.content.widgets.filter(c => c.model.type === 'code');
            const errors = cells.flatMap(c => c.model.outputs.toJSON()).filter(o => o.output_type === 'error')
                                .map(o => o.ename + ': ' + o.evalue);
            const done = cells.every(c => !c.model.sharedModel.getSource().trim() || c.model.executionCount);
            const idle = window.notebook.sessionContext.session.kernel.status === 'idle';
            return (done || errors.length) && idle ? {errors} : null; }""",
            timeout=2 * SECONDS * 1000,
        ).json_value()["errors"]
        assert not errors, errors

    def run_anew(self, *cells: str) -> None:
        """Put these texts into the notebook's first cells, and run all."""
        self.page.evaluate(
            """cells => cells.forEach((text, i) =>
            window.notebook.content.widgets[i].model.sharedModel.setSource(text))""",
            cells,
        )
        self.run_all()

    def restart_kernel(self) -> None:
        """What Restart Kernel does after its question."""
        self.page.evaluate("""async () => { await window.notebook.sessionContext.restartKernel();
            await window.notebook.sessionContext.session.kernel.info; }""")

    def reload(self) -> None:
        """What closing the browser and coming back does: a new page on the kernel that goes on."""
        path = self.page.evaluate("window.notebook.context.path")
        self.page.evaluate("async () => await window.notebook.context.save()")
        self.open(path)

    def kernel(self, expression: str) -> Any:
        """The value of a Python expression in the notebook's kernel; nothing is added to the notebook."""
        reply = self.page.evaluate(
            """async expression => {
            const kernel = window.notebook.sessionContext.session.kernel;
            const done = await kernel.requestExecute({code: '', silent: true, store_history: false,
                                                      user_expressions: {v: expression}}).done;
            return done.content.user_expressions.v; }""",
            expression,
        )
        assert reply["status"] == "ok", reply
        return ast.literal_eval(reply["data"]["text/plain"])

    def kernel_until(self, expression: str, want: Any, seconds: float = SECONDS) -> None:
        """Wait until the expression has this value."""
        end = time.monotonic() + seconds
        while (got := self.kernel(expression)) != want:
            assert time.monotonic() < end, f"{expression}: {got!r}, not {want!r}, after {seconds} s"
            time.sleep(0.05)

    def cell(self, index: int) -> Locator:
        return self.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Cell").nth(index)

    def output(self, index: int) -> Locator:
        """What a cell displays."""
        return self.cell(index).locator(".jp-OutputArea-output")

    def theme(self, name: str) -> None:
        """Choose "Light" or "Dark"."""
        self.page.evaluate(
            "name => window.jupyterapp.commands.execute('apputils:change-theme', {theme: `JupyterLab ${name}`})", name
        )
        self.page.wait_for_function(
            "light => document.body.dataset.jpThemeLight === light", arg=str(name == "Light").lower()
        )
        self._await_splash()

    def wide(self) -> None:
        """Fold the file browser away, so that the notebook has the window's width."""
        self.page.evaluate("window.jupyterapp.shell.collapseLeft()")

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def cells(self) -> int:
        """How many cells the notebook has: fewer than before mean that keys leaked."""
        return self.page.evaluate("window.notebook.content.widgets.length")

    def shut_down(self) -> None:
        """End the notebook's kernel, whose memory other tests need."""
        self.page.evaluate("async () => { await window.notebook.sessionContext.shutdown(); }")
