"""The tensor view: layouts of any rank, scans by slabs, other orders of axes, codes, and the widget in a browser."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest

from workbench.compare.metrics import running_maxima
from workbench.compare.verdict import error
from workbench.errors import WorkbenchError
from workbench.ui import scan as scanning
from workbench.ui.arrangement import arrange
from workbench.ui.colormaps import MIDDLE, NOT_FINITE, TOP
from workbench.ui.difference import difference
from workbench.ui.facts import histogram, plane_scan
from workbench.ui.resample import Range, codes, limits, reduce_mean, reduce_peak
from workbench.ui.tensor_view import TensorView
from workbench.ui.transposed import find_order

RNG = np.random.default_rng(7)


def random(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape).astype(np.float32)


@pytest.mark.parametrize(
    ("shape", "name", "label"),
    [
        ((24,), "", "4 × 6"),
        ((23,), "", "1 × 23"),
        ((5, 6), "", "5 × 6"),
        ((3, 8, 8), "", "8 × 8 × 3"),
        ((2, 16, 5), "", "4 × 4 × 5"),
        ((36, 49, 7), "", "42 × 42 × 7"),
        ((2, 3, 4, 5), "", "4 × 5 × 3"),
        ((2, 3, 4, 5), "NHWC", "3 × 4 × 5"),
        ((1, 9, 9, 4), "", "9 × 9 × 4"),
        ((2, 3, 4, 5, 6), "axes 1,3", "3 × 5 × 6"),
    ],
)
def test_a_plane_holds_the_elements_that_its_index_names(shape: tuple[int, ...], name: str, label: str) -> None:
    x, how = random(*shape), arrange(shape, name)
    assert how.label == label
    channel, held = how.channels - 1, tuple(n - 1 for n in how.held_sizes)
    plane = how.plane(x, channel, held)
    down, along = how.offsets(channel, held)
    assert np.array_equal(x.ravel()[down[:, None] + along], plane)
    at = how.index(how.height - 1, 0, channel, held)
    assert x[at] == plane[-1, 0]
    assert how.place(at) == (how.height - 1, 0, channel, held)


def test_windows_are_joined_to_the_picture_they_were_cut_from() -> None:
    picture = random(2 * 3, 4 * 5, 7)
    cut = picture.reshape(2, 3, 4, 5, 7).transpose(0, 2, 1, 3, 4).reshape(8, 15, 7)
    how = arrange(cut.shape, "windows", (2, 4, 3, 5))
    assert np.array_equal(how.plane(cut, 6, (0,)), picture[..., 6])
    with pytest.raises(WorkbenchError, match="8,15,7 is not 3 × 3 windows"):
        arrange(cut.shape, "windows", (3, 3, 3, 5))


@pytest.mark.parametrize(("shape", "name"), [((2, 3, 40, 50), "NCHW"), ((2, 40, 50, 3), "NHWC"), ((5000,), "")])
def test_a_scan_by_slabs_finds_what_the_whole_tensors_have(shape, name, monkeypatch) -> None:
    monkeypatch.setattr(scanning, "SLAB", 777)
    monkeypatch.setattr(scanning.slabs, "__defaults__", (777,))
    r = random(*shape)
    x = r + 1e-3 * random(*shape)
    how = arrange(shape, name)
    found = list(scanning.scan(x, r, how))[-1]
    d = np.abs(x - r)
    assert found.finished and found.error == pytest.approx(error(x, r), rel=1e-6)
    axes = tuple(i for i in range(how.split(d).ndim) if i not in how.channel)
    assert np.allclose(found.channels, how.split(d).max(axes).ravel())
    assert [i for i, _ in found.worst] == np.argsort(-d.ravel(), kind="stable")[:9].tolist()
    assert [i for i, _ in found.maxima] == [row[0] for row in running_maxima(x, r, 10**6)]


def test_a_channels_listing_is_in_the_tensors_own_order() -> None:
    r = random(36, 49, 2)
    x = r + 1e-3 * random(36, 49, 2)
    how = arrange(r.shape)
    found = plane_scan(how.plane(x, 1, (0,)), how.plane(r, 1, (0,)), how.offsets(1, (0,)))
    alone_r, alone_x = r.copy(), r.copy()
    alone_x[..., 1] = x[..., 1]
    listed = [(i, d) for i, _, _, d in running_maxima(alone_x, alone_r, 10**6) if d > 0]
    assert [i for i, _ in found.maxima] == [i for i, _ in listed]


def swapped(x: np.ndarray) -> np.ndarray:
    return x.transpose(0, 1, 3, 2)


def misread(x: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(x.transpose(0, 2, 3, 1)).reshape(x.shape)


@pytest.mark.parametrize(
    ("shape", "made", "said"),
    [
        ((1, 3, 8, 9), swapped, "matches if H and W are swapped"),
        ((1, 3, 8, 8), swapped, "matches if H and W are swapped"),
        ((1, 3, 8, 9), misread, "matches if read as NHWC"),
        ((1, 3, 8, 9), lambda x: x.transpose(0, 2, 3, 1), "matches if its axes are put in the order 0,3,1,2"),
        ((1, 3, 8, 9), lambda x: x, None),
        ((1, 3, 8, 9), lambda x: x * 2, None),
    ],
)
def test_another_order_of_axes_is_noticed(shape, made, said) -> None:
    r = random(*shape)
    order = find_order(made(r), r)
    assert (order and order.said) == said
    if order:
        assert np.array_equal(order.view(made(r)), r)


def test_a_single_wrong_element_stays_in_sight_when_reduced() -> None:
    plane = np.zeros((101, 103), np.float32)
    plane[50, 51] = -1
    plane[100, 102] = np.nan
    peaks = codes(reduce_peak(plane, 4), Range(-1, 1))
    assert peaks[12, 12] == 0 and peaks[25, 25] == NOT_FINITE and np.count_nonzero(peaks != MIDDLE) == 2
    assert reduce_mean(plane, 4)[12, 12] == pytest.approx(-1 / 16)


@pytest.mark.parametrize("log", [False, True])
def test_codes_span_the_range_and_mark_what_is_not_finite(log: bool) -> None:
    plane = np.array([[-2, 0, 2, np.nan, np.inf]], np.float32)
    assert limits([plane]) == (-2, 2)
    assert codes(plane, Range(-2, 2), log).tolist() == [[0, MIDDLE, TOP, NOT_FINITE, NOT_FINITE]]
    assert codes(np.zeros((1, 2), np.float32), Range(0, 0), log).tolist() == [[MIDDLE, MIDDLE]]  # no difference at all


def test_differences() -> None:
    r, x = np.array([1, 0, np.inf, np.nan, 2], np.float32), np.array([2, 0, np.inf, np.nan, np.nan], np.float32)
    assert difference(x, r).tolist()[:4] == [1, 0, 0, 0] and np.isnan(difference(x, r)[4])
    assert difference(x, r, "rel").tolist()[:4] == [0.5, 0, 0, 0]
    found = histogram(np.array([0, 1e-5, 2e-3, 5e-3, np.nan]), 1e-3)
    assert found["equal"] == 1 and sum(found["counts"]) == 3
    edges = found["low"] + 0.25 * np.arange(len(found["counts"]))
    assert sum(n for n, edge in zip(found["counts"], edges, strict=True) if edge >= np.log10(1e-3) - 1e-9) == 2


def test_the_view_begins_at_the_worst_element_and_clamps_what_is_set(tmp_path: Path) -> None:
    r = random(1, 4, 6, 7)
    x = r.copy()
    x[0, 2, 5, 1] += 1
    view = TensorView(r, x, tolerance=1e-6, title="a/b")
    sent: list[tuple[dict, list[bytes]]] = []
    view.send = lambda content, buffers=None: sent.append((content, buffers or []))
    assert view.index == (0, 2, 5, 1) and view.allowed == pytest.approx(1e-6 * np.abs(r).max())
    view.do_hello(200)
    view.channel = 99  # while the browser has not said that it drew the first picture
    view.kind = "abs"
    assert view.channel == 3 and view.sequence == 1
    view.do_drawn(1)
    assert view.sequence == 2  # both changes in one picture
    frame = next(content for content, _ in reversed(sent) if content["kind"] == "frame")
    assert frame["channel"] == 3 and len(frame["maps"]) == 3
    with pytest.raises(WorkbenchError, match="element 0,4,0,0 lies outside"):
        view.go_to((0, 4, 0, 0))
    view.go_to((0, 2, 5, 1))
    saved = np.load(view.save_npy(tmp_path / "a.npy"))
    assert np.array_equal(saved, np.stack([r[0, 2], x[0, 2], x[0, 2] - r[0, 2]]))
    assert view.save_png(tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert "a/b" in view.static_html() and repr(view) == "TensorView(1,4,6,7, shown as 6 × 7 × 4, channel=2)"


def test_swapped_axes_are_shown_right_on_request() -> None:
    r = random(1, 2, 5, 6)
    view = TensorView(r, r.transpose(0, 1, 3, 2))
    assert view.note == "matches if H and W are swapped" and view.pair.compared is None
    view.swapped = True
    assert view.pair.compared is not None and np.array_equal(view.pair.compared, r)
    view.set_tensors(r, r[:, :, :4])
    assert view.note == "shapes differ: expected 1,2,5,6, as the original has it; got 1,2,4,6"


def test_a_mapped_file_is_scanned_in_a_thread(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("r.npy", "x.npy")]
    for i, path in enumerate(paths):
        tensor = np.lib.format.open_memmap(path, "w+", np.float32, (1, 4, 1024, 1024))
        tensor[0, 3, 7, 9] = 1 + i
        tensor.flush()
    view = TensorView(*(np.load(path, mmap_mode="r") for path in paths))
    assert view._thread is not None
    view._thread.join(60)
    assert view._scan is not None and view._scan.worst[0][0] == np.ravel_multi_index((0, 3, 7, 9), (1, 4, 1024, 1024))


@pytest.mark.parametrize("value", [np.array(["a"]), np.zeros((0, 3)), np.zeros(3, complex)])
def test_what_is_no_tensor_is_told(value: np.ndarray) -> None:
    with pytest.raises(WorkbenchError, match="cannot be shown"):
        TensorView(value)


NOTEBOOK = """
import numpy as np
from workbench.ui.tensor_view import TensorView
r = np.random.default_rng(0).normal(size=(1, 8, 60, 60)).astype(np.float32)
x = r.copy(); x[0, 5, 40, 30] += 1e-2; x[0, 5, 10, 10] = np.nan
view = TensorView(r, x, tolerance=1e-6, title="layers.1")
view
"""


@pytest.mark.browser
def test_the_tensor_view_by_keyboard(open_notebook, shoot) -> None:
    lab = open_notebook(NOTEBOOK, "2 + 2")
    out, keys = lab.output(0), lab.page.keyboard
    out.locator("[data-sequence]").wait_for()
    out.get_by_text("1 NaN or Inf").first.wait_for()
    reference = out.get_by_role("application", name="Reference")
    out.get_by_role("grid", name="worst elements").get_by_role("row", name="go to element 0,5,40,30").click()
    lab.kernel_until("view.index", (0, 5, 40, 30))
    out.get_by_text("R0[0,5,40,30]").wait_for()
    assert out.get_by_text(lab.kernel("repr(float(str(r[0, 5, 40, 30])))").replace("-", "−")).count() == 1
    reference.focus()
    before = reference.evaluate("c => c.toDataURL()")
    for key, state, want in [
        ("ArrowDown", "view.cursor", (41, 30)),
        ("]", "view.channel", 6),
        ("s", "view.kind", "abs"),
        ("l", "view.log", True),
        ("+", "view.window[2] - view.window[0] < 0.6", True),
        ("=", "view.window", (0, 0, 1, 1)),
    ]:
        keys.press(key)
        lab.kernel_until(state, want)
    assert reference.evaluate("c => c.toDataURL()") != before
    keys.press("d")
    keys.press("d")
    assert lab.cells() == 2
    shoot(lab.page, "tensors-light")
    lab.theme("Dark")
    shoot(lab.page, "tensors-dark")
    with lab.page.expect_download() as got:
        out.get_by_role("button", name=".npy").click()
    assert np.load(io.BytesIO(Path(got.value.path()).read_bytes())).shape == (3, 60, 60)
