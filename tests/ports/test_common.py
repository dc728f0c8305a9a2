"""Around the network: resizing as OpenCV does it, suppression as torchvision does it, and boxes back on the picture."""

import cv2
import numpy as np
import pytest
import torch
import torchvision
from PIL import Image

from workbench.errors import WorkbenchError
from workbench.ports.common.boxes import Detections, draw_boxes, nms, xyxy
from workbench.ports.common.packages import package_file
from workbench.ports.common.pictures import letterbox, resize_bilinear


@pytest.mark.parametrize("size", [(206, 416), (77, 31), (191, 384), (1, 5)])
def test_resize_is_opencvs_to_one_grey_level(size: tuple[int, int]) -> None:
    image = np.random.default_rng(0).integers(0, 256, (191, 384, 3), np.uint8)
    theirs = cv2.resize(image, size[::-1], interpolation=cv2.INTER_LINEAR)
    assert np.abs(resize_bilinear(image, size).astype(int) - theirs).max() <= 1


@pytest.mark.parametrize("wh", [(300, 100), (100, 300), (64, 64), (5, 1000)])
def test_letterbox_lies_top_left_and_leads_back(wh: tuple[int, int]) -> None:
    boxed, frame = letterbox(Image.new("RGB", wh, (255, 0, 0)), (64, 96))
    red = boxed[..., 0] == 255
    h, w = (max(1, int(n * frame.scale)) for n in reversed(wh))
    assert boxed.shape == (64, 96, 3) and frame.size == wh
    assert red[:h, :w].all() and red.sum() == h * w and (boxed[~red] == 114).all()


@pytest.mark.parametrize("iou_thres", [0.0, 0.3, 0.45, 0.9])
def test_nms_is_torchvisions(iou_thres: float) -> None:
    rng = np.random.default_rng(1)
    boxes = xyxy(rng.uniform(10, 60, (300, 4)).astype(np.float32))
    scores = rng.random(300, np.float32)
    theirs = torchvision.ops.nms(torch.from_numpy(boxes), torch.from_numpy(scores), iou_thres)
    assert nms(boxes, scores, iou_thres).tolist() == theirs.tolist()


def test_nms_of_nothing_is_nothing() -> None:
    assert nms(np.zeros((0, 4)), np.zeros(0), 0.5).size == 0


def test_drawing_leaves_the_picture_as_it_was() -> None:
    picture = Image.new("RGB", (40, 30))
    drawn = draw_boxes(picture, Detections(np.array([[5.0, 5, 20, 20]]), np.array([0.9]), np.array([0])), ["a"])
    assert np.asarray(picture).max() == 0 and np.asarray(drawn)[5, 5:21].any(-1).all()


@pytest.mark.parametrize(("package", "message"), [("no_such_package", "is not installed"), ("numpy", "is not there")])
def test_a_missing_package_file_names_what_to_install(package: str, message: str) -> None:
    with pytest.raises(WorkbenchError, match=message) as caught:
        package_file(package, "no/such/file", "the-distribution", "the weights' file")
    assert "pip install the-distribution" in caught.value.note
