"""calc_resize_yolo against the letterboxes of YOLOv5 6.2 and ultralytics, over sizes that round either way."""

import itertools

import numpy as np
import pytest

from workbench.soynet import calc_resize_yolo

pytestmark = pytest.mark.agpl
SIZES = list(itertools.product(((640, 640), (384, 512)), ((720, 1280), (375, 500), (641, 333), (100, 37)), (32, 64)))


def sizes(new, old, stride):
    _, s = calc_resize_yolo(*new, *old, stride)
    return s.unpad_height, s.unpad_width, s.pad_top, s.pad_bottom, s.pad_left, s.pad_right


def box_of(letterboxed):
    """Size and pads read off a white picture on grey: rows and columns that hold white."""
    white = (letterboxed == 255).all(2)
    rows, columns = np.flatnonzero(white.any(1)), np.flatnonzero(white.any(0))
    height, width = letterboxed.shape[:2]
    return (len(rows), len(columns), rows[0], height - 1 - rows[-1], columns[0], width - 1 - columns[-1])


@pytest.mark.parametrize("new, old, stride", SIZES)
def test_the_letterbox_is_the_originals(new, old, stride):
    picture = np.full((*old, 3), 255, np.uint8)
    yolov5 = pytest.importorskip("yolov5.utils.augmentations", reason="yolov5 6.2.3 (originals-agpl.txt)")
    assert sizes(new, old, stride) == box_of(yolov5.letterbox(picture, new, stride=stride)[0])
    augment = pytest.importorskip("ultralytics.data.augment", reason="ultralytics (extra models-agpl)")
    assert sizes(new, old, stride) == box_of(augment.LetterBox(new, auto=True, stride=stride)(image=picture))
