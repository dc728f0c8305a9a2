"""Before the network and after it: pictures, feeds, boxes, suppression, masks; and attention."""

import base64
import html
import io

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from workbench import Session
from workbench.config.document import Document
from workbench.faultbench.zoo.seeded import build
from workbench.trace.resized import WAYS


def diagnosed(session, line, old, new):
    """The diagnosis with a text of that line (1 is the first) replaced; the config stays so."""
    lines = session.document.text.splitlines()
    assert old in lines[line - 1], lines[line - 1]
    lines[line - 1] = lines[line - 1].replace(old, new)
    session.document.replace_text("\n".join(lines) + "\n")
    return session.diagnose()


@pytest.fixture(scope="module", params=["detector", "attention"])
def named(request):
    """The compact models of the benchmark, whose configs are right."""
    from importlib import import_module

    network, example, feeds = build(request.param, 1)
    config = import_module(f"workbench.faultbench.zoo.{request.param}").CONFIG
    return request.param, Session(network, example, Document(config), feeds=feeds, threads=1), config


PLANTED = {
    "detector": [
        (2, "bgr=1", "bgr=0", "rgb_bgr"),
        (2, "mean=123,116,103", "mean=103,116,123", "mean_std"),
        (2, "std=58,57,59", "std=1", "mean_std"),
        (2, "pre_order=1,0", "pre_order=0,1", "pre_order"),
        (2, "pad=3,5,1,3", "pad=5,3,3,1", "pad_border"),
        (2, "pad_value=114", "pad_value=0", "pad_border"),
        (7, "stride=8", "stride=16", "box_stride"),
        (7, "10,13,16,30,33,23", "33,23,16,30,10,13", "anchor_order"),
        (7, "10,13,16,30,33,23", "13,10,30,16,23,33", "anchor_order"),
        (6, "kernel=1", "kernel=1 act=sigmoid", "activation"),  # a sigmoid twice: [yolo] has its own
        (13, "xywh", "xyxy", "box_format"),
    ],
    "attention": [
        (6, "head=4", "head=2", "attention_heads"),
        (6, "head=4", "head=4 scale=1", "attention_scale"),
        (6, "Q,K,V", "K,Q,V", "input_order"),
        (10, "act=gelu", "act=gelu2", "activation"),
        (19, "trans_b=1", "", "matmul_transposed"),
        (20, "scale=0.5", "scale=0.25", "scale_shift"),
        (21, "axis=-1", "axis=1", "softmax_axis"),
        (9, " eps=1e-6", "", "norm_eps"),
    ],
}


def test_causes_around_the_network(named):
    name, session, config = named
    for line, old, new, cause in PLANTED[name]:
        session.document.replace_text(config)
        found = diagnosed(session, line, old, new)
        assert [f.cause for f in found.findings] == [cause] and found.where.line == line, f"{new}: {found}"
        assert found.side == ("input" if line == 2 and name == "detector" else found.side)
        session.apply(found.findings[0])
        assert session.diagnose().clean, f"{new}: {found}"


def test_a_preparation_that_is_wrong_is_shown_beside_the_originals(named):
    name, session, config = named
    if name != "detector":
        return
    session.document.replace_text(config)
    found = diagnosed(session, 2, "bgr=1", "bgr=0")
    seen = [picture(p.uri) for p in found.pictures]
    assert [x.shape for x in seen] == [(32, 48, 3)] * 2 and (seen[0] != seen[1]).any()
    channels = [x[3:27, 1:45].astype(int) for x in seen]  # the picture in its border
    means = [c.mean((0, 1)) for c in channels]
    assert np.abs(means[0] - means[1]).max() > 1  # the colours are others
    assert all(p.uri in found.html() and html.escape(p.title) in found.html() for p in found.pictures)


def picture(uri):
    from PIL import Image

    head, data = uri.split(",", 1)
    assert head == "data:image/png;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))


@pytest.fixture(scope="module")
def fed():
    """A network that is fed a picture with a border, and the config that is fed the same."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())
    rng = np.random.default_rng(0)
    x = np.full((1, 3, 32, 40), 0.5, np.float32)
    x[:, :, 4:-4, 5:-5] = rng.random((1, 3, 24, 30), np.float32)
    config = ("[input] refname=X shape=1,3,32,40 dtype=f32 name=input\n[conv2d] channel=4 kernel=3 act=relu refname=Y "
              "name=1\n[output] refname=Y\n")  # fmt: skip
    return net, x, config


FEEDS = {
    "rgb_bgr": lambda x: x[:, ::-1],
    "mean_std": lambda x: x * 255,
    "mean_std of each channel": lambda x: (x - np.float32([0.4, 0.5, 0.6]).reshape(3, 1, 1)) / np.float32(0.2),
    "letterbox": lambda x: np.roll(x, (2, -3), (2, 3)),
    "": lambda x: np.sqrt(x),
}


@pytest.mark.parametrize("fault", FEEDS)
def test_a_feed_that_is_not_the_originals(fed, fault):
    net, x, config = fed
    feeds = {"X": np.ascontiguousarray(FEEDS[fault](x))}
    found = Session(net, x, config, feeds=feeds, threads=1).diagnose()
    assert found.where.line == 1 and found.side == "input" and "feed 'X'" in found.text, str(found)
    assert [f.cause for f in found.findings] == ([fault.split()[0]] if fault else []), str(found)
    assert len(found.pictures) == 2 and "data:image/png" in found.html()
    assert Session(net, x, config, feeds={"X": x}, threads=1).diagnose().clean


@pytest.mark.parametrize("way", [w for w in WAYS if w != "OpenCV's INTER_LINEAR"])
def test_a_picture_that_was_resized_in_another_way(fed, way):
    """Both lie in the border of the network's input; the channels are BGR, in another range than the picture's."""
    net, x, config = fed
    picture = np.random.default_rng(1).integers(0, 256, (37, 50, 3), dtype=np.uint8)

    def made(name):
        y = np.full_like(x, 0.5)
        y[0, :, 4:-4, 5:-5] = WAYS[name](picture, 24, 30).transpose(2, 0, 1)[::-1] / np.float32(255)
        return y

    right, feed = made("OpenCV's INTER_LINEAR"), made(way)
    session = Session(net, right, config, feeds={"X": feed}, threads=1)
    found = session.diagnose(picture=picture)
    assert [f.cause for f in found.findings] == ["resize_method"], str(found)
    text = found.findings[0].text
    assert way in text and text.endswith(
        "the original's is resized by OpenCV's INTER_LINEAR to 24 x 30 at row 4, column 5"
    )
    assert not session.diagnose().findings and not session.diagnose(picture=picture[::-1]).findings


class Suppressed(nn.Module):
    """Rows (image, class, box) of what stays, by falling score: every class against every other, or each alone."""

    def __init__(self, across):
        super().__init__()
        self.across = across

    def forward(self, box, score):
        from workbench.layers.nms import Nms

        layer = Nms(mode="yolov5", nms_count=6, conf_thres=0.25, iou_thres=0.4, inter_class_nms=int(self.across))
        return layer.reference(torch, {}, box, score)


@pytest.mark.parametrize("across", [True, False])
def test_suppression_across_classes(across):
    from workbench.layers.boxes import crowd

    box, score = crowd(np.random.default_rng(0), 1, 40, 3)
    config = """\
[input] refname=B shape=1,40,4 dtype=f32 name=input
[input] refname=S shape=1,40,3 dtype=f32 name=input:1
[nms] input=B,S mode=yolov5 nms_count=6 iou_thres=0.4 inter_class_nms=%d refname=R name=output
[output] refname=R
"""
    session = Session(Suppressed(across), (box, score), config % (1 - across), threads=1)
    found = session.diagnose()
    assert [f.cause for f in found.findings] == ["nms_classes"] and found.side == "output", str(found)
    session.apply(found.findings[0])
    assert session.diagnose().clean


class Masks(nn.Module):
    """Masks cut to boxes and enlarged by 2, the one before the other; boxes in pixels of the other order's cut."""

    def __init__(self, cut_first):
        super().__init__()
        self.cut_first, self.high = cut_first, 12 if cut_first else 6

    def forward(self, masks, boxes):
        steps = (self.cut, self.enlarge) if self.cut_first else (self.enlarge, self.cut)
        for step in steps:
            masks = step(masks, boxes)
        return masks

    def enlarge(self, masks, boxes):
        return F.interpolate(masks, scale_factor=2, mode="bilinear", align_corners=False)

    def cut(self, masks, boxes):
        h, w = masks.shape[2:]
        x1, y1, x2, y2 = (boxes * (h / self.high))[..., None, None].unbind(2)
        row, column = torch.arange(h).float()[:, None], torch.arange(w).float()
        return masks * ((column >= x1) & (column < x2) & (row >= y1) & (row < y2))


@pytest.mark.parametrize("cut_first", [True, False])
def test_masks_cut_and_enlarged_in_the_other_order(cut_first):
    rng = np.random.default_rng(0)
    masks = rng.standard_normal((1, 3, 6, 8)).astype(np.float32)
    boxes = np.float32([[[1, 1, 5, 4], [0, 2, 7, 6], [3, 0, 8, 3]]]) * (1 + cut_first)
    enlarge = "[resize] input={} mode=bilinear factor=2"
    wrong = [enlarge.format("M"), "[mask] input=*,B"] if cut_first else ["[mask] input=M,B", enlarge.format("*")]
    config = "\n".join(["[input] refname=M shape=1,3,6,8 dtype=f32 name=input",
                        "[input] refname=B shape=1,3,4 dtype=f32 name=input:1",
                        wrong[0], f"{wrong[1]} refname=Y name=output", "[output] refname=Y", ""])  # fmt: skip
    found = Session(Masks(cut_first), (masks, boxes), config, threads=1).diagnose()
    assert [f.cause for f in found.findings] == ["crop_order"], str(found)


def nearest_exact(x):
    return F.interpolate(x, (11, 9), mode="nearest-exact")


def zeros_before_the_maximum(x):
    return F.max_pool2d(F.pad(x, (1, 1, 1, 1)), 3, 2)


@pytest.mark.parametrize("forward, line, cause", [
    (nearest_exact, "[resize] mode=nearest size=11,9", "nearest_rounding"),
    (zeros_before_the_maximum, "[pool2d] kernel=3 stride=2 pad=1", "zero_padding"),
])  # fmt: skip
def test_causes_that_take_another_operator(forward, line, cause):
    class Net(nn.Module):
        def forward(self, x):
            return forward(x)

    x = np.random.default_rng(0).standard_normal((1, 2, 7, 6)).astype(np.float32) - 1
    config = f"[input] refname=X shape=1,2,7,6 dtype=f32 name=input\n{line} refname=Y name=output\n[output] refname=Y\n"
    session = Session(Net(), x, config, threads=1)
    found = session.diagnose()
    assert [f.cause for f in found.findings] == [cause], str(found)
    if found.findings[0].edits:
        before = session.document.text
        session.apply(found.findings[0])
        assert session.diagnose().clean and session.undo() and session.document.text == before
