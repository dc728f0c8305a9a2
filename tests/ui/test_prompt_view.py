"""Clicks and their masks: prompts with undo, answers that are kept, errors, and the widget in a browser."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from workbench.errors import WorkbenchError
from workbench.pipelines.segment_anything import Prompt, Segments
from workbench.ui.prompt_view import PromptView
from workbench.ui.prompts import Asking

PICTURE = np.zeros((40, 60, 3), np.uint8)


class Squares:
    """A segmenter whose masks are squares of three sizes around the first point, or the box itself."""

    def __init__(self) -> None:
        self.pictures, self.asked = 0, []

    def set_picture(self, image: np.ndarray) -> None:
        self.pictures += 1

    def predict_all(self, prompts: list[Prompt], *, multimask: bool = True) -> Segments:
        checked = [p.checked((60, 40)) for p in prompts]
        self.asked += checked
        logits = np.array([[self.mask(p, r) for r in ((4, 8, 12) if multimask else (8,))] for p in checked], np.float32)
        scores = np.tile(np.array([0.5, 0.9, 0.7] if multimask else [0.8], np.float32), (len(prompts), 1))
        return Segments(scores, np.zeros((*scores.shape, 256, 256), np.float32), logits)

    def mask(self, prompt: Prompt, r: int) -> np.ndarray:
        logits = np.full((40, 60), -1.0)
        x0, y0, x1, y1 = prompt.box if prompt.box is not None else [*(prompt.points[0] - r), *(prompt.points[0] + r)]
        logits[max(0, int(y0)) : int(y1), max(0, int(x0)) : int(x1)] = 1
        return logits


def sent_by(view: PromptView) -> list[tuple[dict[str, Any], list[bytes]]]:
    sent: list[tuple[dict[str, Any], list[bytes]]] = []
    view.send = lambda content, buffers=None: sent.append((content, buffers or []))
    return sent


def test_prompts_become_masks_and_only_what_changed_is_asked_again() -> None:
    squares = Squares()
    view = PromptView(squares, PICTURE)
    assert view.segments is None and view.masks.shape == (0, 40, 60)
    view.point(20, 20)
    view.another()
    view.box(58, 30, 40, 10)  # from any corner
    view.wait(30)
    assert not view.error and squares.pictures == 1 and len(squares.asked) == 2
    assert [int(m.sum()) for m in view.masks] == [16 * 16, 18 * 20]
    assert view.segments.scores.shape == (2, 3) and [len(p.points) for p in view.prompts] == [1, 0]
    view.point(45, 20, 0)
    view.wait(30)
    assert len(squares.asked) == 3 and squares.asked[-1].labels.tolist() == [0]
    view.undo()
    view.do_pick(0)
    view.do_activate(0)
    view.do_pick(2)
    view.wait(30)
    assert [int(m.sum()) for m in view.masks] == [24 * 24, 18 * 20] and squares.pictures == 1
    view.multimask = False
    view.wait(30)
    assert view.segments.scores.shape == (2, 1) and [int(m.sum()) for m in view.masks] == [256, 360]
    assert repr(view) == "PromptView(60 × 40, 2 objects)" and view.objects[1]["box"] == (40, 10, 58, 30)


def test_the_frame_shows_the_active_object_above_others() -> None:
    view = PromptView(Squares(), PICTURE)
    sent = sent_by(view)
    view.do_hello(200)
    view.point(20, 20)
    view.another()
    view.point(24, 20)
    view.wait(30)
    view.do_drawn(view.sequence)
    content, buffers = next((c, b) for c, b in reversed(sent) if c["kind"] == "frame")
    owners = np.frombuffer(buffers[0], np.uint16).reshape(content["grid"])
    assert owners[20, 14] == 1 and owners[20, 26] == 2 and np.count_nonzero(owners == 2) == 256
    assert content["rows"][0] == {"scores": pytest.approx([0.5, 0.9, 0.7]), "picked": 1, "pixels": 256}
    assert np.frombuffer(buffers[1], np.uint8).reshape(3, *content["small"]).sum() == 8 * 8 + 16 * 16 + 24 * 24


def test_a_mask_is_given_back_as_a_prompt_and_taken_out() -> None:
    squares = Squares()
    view = PromptView(squares, PICTURE)
    view._receive(view, {"do": "feed_back"}, [])
    assert "no mask yet" in view.error
    view.point(20, 20)
    view.wait(30)
    assert view.error == ""
    view.do_feed_back()
    view.wait(30)
    assert squares.asked[-1].mask.shape == (256, 256) and view.objects[0]["mask"]
    view.do_feed_back()
    assert not view.objects[0]["mask"]


def test_what_the_segmenter_raises_is_told_in_the_widget() -> None:
    class Failing(Squares):
        def set_picture(self, image: np.ndarray) -> None:
            raise WorkbenchError("there is no such weights file yet", "weights/x.weights")

    view = PromptView(Failing(), PICTURE)
    view.point(1, 1)
    view.wait(30)
    assert view.error.startswith("weights/x.weights there is no such weights file yet") and view.busy == ""
    view._receive(view, {"do": "box", "x0": 3, "y0": 3, "x1": 3, "y1": 9}, [])
    assert "width and a height" in view.error
    view._receive(view, {"do": "remove", "index": 4}, [])
    assert "there is no point 4" in view.error


def test_every_change_is_a_step_of_undo() -> None:
    asking = Asking((40, 60))
    assert not asking.undo()
    asking.point(-5, 50, 1)
    assert asking.current.points == ((0.0, 40.0, 1),)
    asking.around(50, 30, 10, 20)
    asking.another()
    asking.another()  # the empty one serves
    assert len(asking.objects) == 2 and asking.active == 1
    asking.drop(0)
    assert [bool(a) for a in asking.objects] == [False]
    asking.undo()
    assert asking.objects[0].box == (10, 20, 50, 30) and asking.active == 1
    asking.clear()
    asking.undo()
    asking.activate(0)
    asking.no_box()
    asking.remove_point(0)
    assert not asking.current
    for _ in range(6):
        asking.undo()
    assert not asking.undo() and asking.objects[0].points == ()


def test_the_static_form() -> None:
    view = PromptView(Squares(), PICTURE, title="<a>", note="not trained")
    view.point(20, 20)
    view.box(5, 5, 50, 30)
    view.wait(30)
    page = view.static_html()
    assert "&lt;a&gt;" in page and "not trained" in page and "expected IoU 0.500, 0.900, 0.700" in page
    assert view.static_png().startswith(b"\x89PNG")


# Answers by the colour at the points, at once and without weights: what is like the object's and unlike the rest.
SEGMENTER = """
import numpy as np
from PIL import Image, ImageFilter
from workbench.pipelines.segment_anything import Segments
from workbench.ports.common.packages import package_file
from workbench.ports.common.pictures import open_picture
from workbench.ui.prompt_view import PromptView

class Likeness:
    pictures = 0
    def set_picture(self, image):
        self.pictures += 1
        self.image = np.asarray(Image.fromarray(image).filter(ImageFilter.GaussianBlur(4)), float)
    def predict_all(self, prompts, *, multimask=True):
        h, w = self.image.shape[:2]
        found = []
        for p in (prompt.checked((w, h)) for prompt in prompts):
            x0, y0, x1, y1 = (0, 0, w, h) if p.box is None else p.box
            seeds = p.points if len(p.points) else np.array([[(x0 + x1) / 2, (y0 + y1) / 2]])
            labels = p.labels if len(p.points) else [1]
            far = [np.abs(self.image - self.image[int(min(y, h - 1)), int(min(x, w - 1))]).sum(2) for x, y in seeds]
            near = {k: np.min([f for f, l in zip(far, labels) if l == k] or [np.full((h, w), 1e3)], 0) for k in (0, 1)}
            logits = [np.minimum(t - near[1], near[0] - near[1]) for t in ((30, 60, 110) if multimask else (60,))]
            outside = np.ones((h, w), bool); outside[int(y0):int(y1), int(x0):int(x1)] = False
            found.append([np.where(outside, -1, l) for l in logits])
        scores = np.tile([0.71, 0.93, 0.64] if multimask else [0.93], (len(prompts), 1))
        return Segments(scores, np.zeros((*scores.shape, 256, 256), np.float32), np.array(found, np.float32))

sam = Likeness()
picture = open_picture(package_file("skimage", "data/chelsea.png", "scikit-image", "the picture"))
view = PromptView(sam, picture, title="likeness")
view
"""


@pytest.mark.browser
def test_clicks_and_boxes_and_keys(open_notebook, shoot) -> None:
    lab = open_notebook(SEGMENTER, "2 + 2")
    out, keys = lab.output(0), lab.page.keyboard
    picture = out.get_by_role("application", name=re.compile("^the picture"))
    out.locator("[data-sequence]").wait_for()
    lab.kernel_until("(sam.pictures, view.busy)", (1, ""))
    wide, high = picture.evaluate("c => [c.clientWidth, c.clientHeight]")
    at = {"position": {"x": wide * 0.3, "y": high * 0.4}}
    before = picture.evaluate("c => c.toDataURL()")
    picture.click(**at)
    out.locator("[data-answered='1']").wait_for()
    lab.kernel_until("[[round(v) for v in p] for p in view.objects[0]['points']]", [[round(0.3 * 451), 120, 1]])
    picture.click(position={"x": wide * 0.75, "y": high * 0.75}, modifiers=["Shift"])
    lab.kernel_until("view.objects[0]['points'][1][2]", 0)
    lab.kernel_until("view.busy", "")
    assert picture.evaluate("c => c.toDataURL()") != before
    out.get_by_role("button", name="mask 2, expected IoU 0.640").click()
    lab.kernel_until("view.frame()[0]['rows'][0]['picked']", 2)
    out.get_by_role("button", name="New object").click()
    box = {k: v + 1 for k, v in picture.bounding_box().items()}  # within the border
    lab.page.mouse.move(box["x"] + wide * 0.55, box["y"] + high * 0.35)
    lab.page.mouse.down()
    lab.page.mouse.move(box["x"] + wide * 0.7, box["y"] + high * 0.5, steps=4)
    lab.page.mouse.move(box["x"] + wide * 0.9, box["y"] + high * 0.7)
    lab.page.mouse.up()
    lab.kernel_until("[round(v) for v in view.objects[1]['box'] or ()]", [248, 105, 406, 210])
    out.locator("[data-answered='2']").wait_for()
    shoot(out, "prompts-light")
    lab.theme("Dark")
    shoot(out, "prompts-dark")
    picture.focus()
    lab.kernel_until("view.cursor", (210, 405))
    for key, state, want in [
        ("ArrowLeft", "view.cursor", (210, 400)),
        ("Shift+ArrowUp", "view.cursor", (209, 400)),
        ("Enter", "view.objects[1]['points']", [[400.5, 209.5, 1]]),
        ("u", "view.objects[1]['points']", []),
        ("t", "view.tool", "background"),
        ("t", "view.tool", "box"),
        ("[", "view.frame()[0]['rows'][1]['picked']", 0),
        ("Enter", "view.objects[1]['box'][0] > 200", True),
        ("Shift+ArrowUp", "view.cursor", (208, 400)),
        ("ArrowLeft", "view.cursor", (208, 395)),
        ("Enter", "view.objects[1]['box']", (395.5, 208.5, 400.5, 209.5)),
        ("Control+z", "view.objects[1]['box'][0] < 300", True),
        ("s", "view.draw", "fill"),
        ("t", "view.tool", "object"),
    ]:
        keys.press(key)
        lab.kernel_until(state, want)
    out.get_by_role("button", name="Remove box").click()
    lab.kernel_until("view.objects[1]['box']", None)
    out.get_by_role("grid", name="objects").get_by_role("row", name=re.compile("^object 0")).click()
    lab.kernel_until("view.active", 0)
    picture.click(**at)  # on a point: it goes
    lab.kernel_until("len(view.objects[0]['points'])", 1)
    out.get_by_role("button", name="Clear").click()
    lab.kernel_until("(view.objects, sam.pictures)", ([{"points": [], "box": None, "mask": False}], 1))
    keys.press("d")
    keys.press("d")
    assert lab.cells() == 2


REAL = """
from workbench.ports import get_port
from workbench.ports.mobile_sam import sample, segmenter
from workbench.ports.networks import Networks
from workbench.ui.prompt_view import PromptView
sam = segmenter(Networks(get_port("mobile_sam"), original=True))
view = PromptView(sam, sample(), note="random weights: these masks mean nothing")
view
"""


@pytest.mark.browser
def test_mobile_sam_is_clicked(open_notebook) -> None:
    lab = open_notebook(REAL)
    lab.output(0).get_by_role("application", name=re.compile("^the picture")).click()
    lab.output(0).locator("[data-answered='1']").wait_for(timeout=60_000)
    same = "bool((view.segments.enlarged == sam.predict_all(view.prompts).enlarged).all())"
    assert lab.kernel(same) and lab.kernel("(view.error, view.masks.shape)") == ("", (1, 300, 451))
