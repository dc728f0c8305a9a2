"""The mask view: any port's result, pairs and what they differ by, the static form, and the widget in a browser."""

from __future__ import annotations

import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from workbench.errors import WorkbenchError
from workbench.pipelines.segment_anything import Segments
from workbench.ports.common.instances import Instances
from workbench.ports.common.poses import Poses
from workbench.ports.deeplabv3 import Segmentation
from workbench.ui import mask_view
from workbench.ui.mask_view import MaskView
from workbench.ui.pairs import ALL, BOTH, ONLY_ENGINE, ONLY_REFERENCE, OTHER

PICTURE = np.full((40, 60, 3), 128, np.uint8)
BOXES = np.array([[4, 4, 24, 24], [30, 8, 50, 36]], np.float32)


def square(y0: int, x0: int, y1: int, x1: int) -> np.ndarray:
    mask = np.zeros((20, 30), np.uint8)
    mask[y0:y1, x0:x1] = 1
    return mask


def instances(*masks: np.ndarray, first: int = 0) -> Instances:
    count = len(masks)
    return Instances(
        BOXES[first : first + count], np.array([0.9, 0.8])[:count], np.array([0, 0])[:count], np.array(masks)
    )


def codes_of(view: MaskView) -> np.ndarray:
    said, buffers = view.frame()
    return np.frombuffer(buffers[2], np.uint8).reshape(said["grid"])


def test_instances_on_a_grid_of_their_own() -> None:
    reference = instances(square(2, 2, 12, 12), square(4, 15, 18, 25))
    engine = instances(square(2, 2, 12, 10), square(4, 15, 18, 26))
    view = MaskView(PICTURE, reference, engine, names=("cat",))
    assert [row["name"] for row in view.rows] == ["cat #1", "cat #2"] and view.classes
    assert [row["iou"] for row in view.rows] == [pytest.approx(0.8), pytest.approx(140 / 154)]
    assert [row["flipped"] for row in view.rows] == [20, 14]
    codes = codes_of(view)
    assert codes.shape == (20, 30) and [np.count_nonzero(codes == c) for c in (1, 2, 3, 4)] == [80 + 140, 20, 14, 0]
    view.chosen = 0
    assert np.count_nonzero(codes_of(view)) == 100
    view.per = "class"
    assert len(view.rows) == 1 and view.rows[0]["iou"] == pytest.approx(220 / 254) and view.chosen == ALL
    assert repr(view) == "MaskView(60 × 40, 1 pairs, all shown)"


def test_a_pixel_of_another_class_is_told_apart() -> None:
    reference, engine = np.zeros((2, 40, 60), np.uint8)
    reference[:10], reference[10:20] = 3, 5
    engine[:12], engine[12:16], engine[20:21] = 3, 5, 5
    view = MaskView(PICTURE, Segmentation(reference), Segmentation(engine))
    codes = codes_of(view)[:, 0]
    assert codes[:10].tolist() == [BOTH] * 10 and codes[10:12].tolist() == [OTHER] * 2
    assert codes[16:20].tolist() == [ONLY_REFERENCE] * 4 and codes[20] == ONLY_ENGINE and not codes[21:].any()
    sent: list[dict] = []
    view.send = lambda content, buffers=None: sent.append(content)
    view.do_hello(300)
    view.do_details()
    facts = {name: value for name, value, _ in sent[-1]["facts"]}
    assert facts["flipped pixels"] == "420" and facts["another pair"] == "120"
    assert [r["side"] for r in sent[-1]["regions"]] == ["reference", "other", "engine"]


def test_the_likeliest_mask_of_an_object_is_shown_first() -> None:
    logits = np.stack([np.full((40, 60), v, np.float32) for v in (-1, 0.25, 2)])
    reference = Segments(np.array([[0.5, 0.9, 0.7]]), np.zeros((1, 3, 256, 256)), logits[None])
    engine = reference._replace(enlarged=logits[None] - 0.5)
    view = MaskView(PICTURE, reference, engine)
    assert view.chosen == 1 and view.rows[1]["name"] == "object 0, mask 1"
    assert [row["iou"] for row in view.rows] == [1.0, 0.0, 1.0] and view.rows[2]["error"] == pytest.approx(0.25)
    told = mask_view.difference_facts(view.pairs, 1)
    assert told["margins"]["part"] == 1.0 and told["facts"][0] == ("IoU", "0.0000", "of the masks")


def test_key_points_and_boxes_without_masks() -> None:
    points = np.concatenate([np.full((2, 5, 2), 20.0), np.full((2, 5, 1), 0.9)], 2)
    moved = points.copy()
    moved[1, 3, :2] += (3, 4)
    scores = np.array([0.9, 0.8])
    view = MaskView(PICTURE, Poses(BOXES, scores, points), Poses(BOXES[::-1], scores, moved[::-1]))
    assert [row["moved"] for row in view.rows] == [0.0, 5.0] and [row["iou"] for row in view.rows] == [1.0, 1.0]
    assert "points moved" in view.static_html() and view.cursor == (14, 14)
    alone = MaskView(PICTURE, Poses(BOXES[:1], scores[:1], points[:1]), None)
    assert alone.rows[0]["side"] == "reference" and "IoU" not in alone.rows[0]


def test_large_masks_reach_the_browser_reduced_but_no_flip_is_lost(monkeypatch) -> None:
    monkeypatch.setattr(mask_view, "LONGEST", 20)
    reference = np.ones((40, 60), bool)
    engine = reference.copy()
    engine[39, 59] = False
    codes = codes_of(MaskView(PICTURE, reference, engine))
    assert codes.shape == (14, 20) and codes[-1, -1] == ONLY_REFERENCE and np.count_nonzero(codes == BOTH) == 279


def test_the_static_form_and_the_file(tmp_path: Path) -> None:
    view = MaskView(PICTURE, instances(square(2, 2, 12, 12)), instances(square(4, 15, 18, 26), first=1), names=("<b>",))
    page = view.static_html()
    assert "&lt;b&gt;" in page and "<b><" not in page and "only" not in page.split("<table>")[0]
    saved = Image.open(io.BytesIO(view.save_png(tmp_path / "a.png").read_bytes()))
    assert saved.size[0] == 1024 and len(saved.getcolors(1 << 20)) > 10


@pytest.mark.parametrize(
    ("picture", "result", "said"),
    [
        (PICTURE[..., 0], None, r"expected a picture u8 \[h, w, 3\]"),
        (PICTURE, np.zeros((40, 10), bool), "do not fit a picture of"),
        (PICTURE, np.zeros(3), "expected masks, a label map"),
        (PICTURE, np.zeros((20, 30), bool), "on the reference's grid"),
    ],
)
def test_what_cannot_be_shown_is_told(picture: np.ndarray, result: object, said: str) -> None:
    with pytest.raises(WorkbenchError, match=said):
        MaskView(picture, np.zeros((40, 60), bool), result)


NOTEBOOK = """
import numpy as np
from workbench.ports.common.instances import Instances
from workbench.ports.common.packages import package_file
from workbench.ports.common.pictures import open_picture
from workbench.ui.mask_view import MaskView
picture = open_picture(package_file("ultralytics", "assets/bus.jpg", "ultralytics", "the picture"))
boxes = np.array([[50, 400, 245, 900], [222, 405, 345, 860], [670, 395, 809, 880], [15, 230, 800, 745]], float)
y, x = np.mgrid[2:1080:4, 2:810:4]
def side(shift, count):
    wave = 1 + shift * np.sin(x / 9) * np.cos(y / 7)
    ovals = [abs((2 * x - a - c) / (c - a)) ** 3 + abs((2 * y - b - d) / (d - b)) ** 3 < wave
             for a, b, c, d in boxes[:count]]
    scores, classes = 0.9 - np.arange(count) / 9, np.array([0, 0, 0, 5])[:count]
    return Instances(boxes[:count] + 9 * shift, scores, classes, np.array(ovals, np.uint8))
view = MaskView(picture, side(0, 4), side(0.3, 3), names=("person", *"bcde", "bus"), title="seg", goal=0.9)
view
"""


@pytest.mark.browser
def test_the_mask_view_by_keyboard(open_notebook, shoot) -> None:
    lab = open_notebook(NOTEBOOK, "2 + 2")
    out, keys = lab.output(0), lab.page.keyboard
    out.locator("[data-sequence]").wait_for()
    out.get_by_role("grid", name="largest regions").get_by_role("row", name="region 1, only reference").press("Enter")
    lab.kernel_until("bool(view.pairs.mask(0, 3)[view.cursor[0] // 4, view.cursor[1] // 4])", True)
    pairs = out.get_by_role("grid", name="pairs")
    pairs.get_by_role("row", name=re.compile("person #2, IoU")).press("Enter")
    lab.kernel_until("view.chosen", 1)
    out.get_by_text("edge moved").wait_for()
    pairs.get_by_role("row", name="bus, only reference").get_by_role("img", name="only reference").wait_for()
    engine = out.get_by_role("application", name=re.compile("^Engine"))
    engine.focus()
    before = engine.evaluate("c => c.toDataURL()")
    for key, state, want in [
        ("[", "view.chosen", 0),
        ("[", "view.chosen", -1),
        ("s", "view.draw", "fill"),
        ("l", "view.labels", False),
        ("+", "view.window[2] - view.window[0]", 0.5),
        ("=", "view.window", (0, 0, 1, 1)),
    ]:
        keys.press(key)
        lab.kernel_until(state, want)
    assert engine.evaluate("c => c.toDataURL()") != before
    at = lab.kernel("view.cursor")
    keys.press("ArrowRight")
    lab.kernel_until("view.cursor", (at[0], at[1] + 1))
    assert out.get_by_role("status").filter(has_text="reference").count() == 1
    keys.press("d")
    keys.press("d")
    assert lab.cells() == 2
    out.get_by_role("button", name="class", exact=True).click()
    lab.kernel_until("len(view.rows)", 2)
    out.get_by_role("button", name="instance", exact=True).click()
    out.get_by_role("checkbox", name="labels").check()
    out.get_by_role("button", name="both", exact=True).click()
    lab.kernel_until("(len(view.rows), view.labels, view.draw, view.drawn == view.sequence)", (4, True, "both", True))
    shoot(out, "masks-light")
    lab.theme("Dark")
    shoot(out, "masks-dark")
    with lab.page.expect_download() as got:
        out.get_by_role("button", name="PNG").click()
    assert Image.open(got.value.path()).size[0] == 1024
