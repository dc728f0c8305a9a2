"""What all widgets share: scripts linked from modules, errors shown in place, keys that stay in the widget."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench.errors import WorkbenchError
from workbench.ui.base import View
from workbench.ui.link import link


class Counter(View):
    SCRIPT = "dom.js"  # any module will do: no browser is there to run it

    def do_divide(self, by: int) -> None:
        if by == 1:
            raise WorkbenchError("expected another number; got 1", "file:3", "try 2")
        self.log.info("%s", 12 // by)

    def static_html(self) -> str:
        return "<b>12</b>"

    def static_png(self) -> bytes:
        return b"\x89PNG"


def test_link_joins_modules_in_order(tmp_path: Path) -> None:
    (tmp_path / "a.js").write_text("export const one = 1;\nexport function two() { return one + one; }\n")
    (tmp_path / "b.js").write_text('import { two } from "./a.js";\nexport const four = two() + two();\n')
    (tmp_path / "top.js").write_text(
        'import { one as first } from "./a.js";\nimport { four } from "./b.js";\nexport default { render() {} };\n'
    )
    text = link(tmp_path / "top.js")
    assert text.count("const one = 1;") == 1
    assert text.index("const $a =") < text.index("const $b =") < text.index("const { one: first } = $a;")
    assert "return { one, two };" in text
    assert text.count("export") == 1 and "import" not in text


def test_errors_are_shown_in_the_widget() -> None:
    view = Counter()
    view._receive(view, {"do": "divide", "by": 1}, [])
    assert view.error == "file:3 expected another number; got 1\n  note: try 2"
    with pytest.raises(ZeroDivisionError):  # goes on to the log, where its place can be read
        view._receive(view, {"do": "divide", "by": 0}, [])
    assert view.error.startswith("ZeroDivisionError: ")
    view._receive(view, {"do": "nothing known"}, [])
    assert "does not know" in view.error


def test_the_static_form_stands_beside_the_view() -> None:
    data, _ = Counter()._repr_mimebundle_()
    assert data["text/html"] == "<b>12</b>" and data["image/png"] == "iVBORw=="
    assert data["text/plain"] == "Counter()"
    assert "application/vnd.jupyter.widget-view+json" in data


KEYS = """
from workbench.ui.base import View
from pathlib import Path
import workbench.ui.base as base, tempfile
class Probe(View):
    _esm = base.link(base.HERE / "dom.js") .replace("export ", "") + '''
export default { render({ model, el }) {
  const root = mount(model, el, "probe", "Probe");
  root.append(button("Press", "P", () => model.send({ do: "press" })), glyph("failed"));
} };'''
    _css = (base.HERE / "theme.css").read_text()
    def do_press(self):
        from workbench.errors import WorkbenchError
        raise WorkbenchError("pressed <b>")
probe = Probe()
probe
"""


@pytest.mark.browser
def test_keys_stay_in_the_widget_and_errors_are_text(open_notebook) -> None:
    lab = open_notebook(KEYS, "2 + 2")
    press = lab.output(0).get_by_role("button", name="Press")
    press.click()
    lab.output(0).get_by_role("alert").get_by_text("pressed <b>").wait_for()
    press.focus()
    for key in "ddbaxz":
        lab.page.keyboard.press(key)
    assert lab.cells() == 2
    lab.output(0).get_by_role("button", name="Dismiss").click()
    lab.kernel_until("probe.error", "")
