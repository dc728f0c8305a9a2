"""Resizing is cv2's own, byte for byte: frames of 720p and 1080p, odd sizes, single pixels, up and down."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.opencv_resize import resize_linear

SIZES = [  # (h, w) of a picture, and what it is resized to
    ((720, 1280), (360, 640)),
    ((1080, 1920), (360, 640)),
    ((2160, 3840), (360, 640)),
    ((1080, 810), (640, 480)),
    ((480, 640), (480, 640)),
    ((100, 77), (640, 493)),
    ((51, 33), (640, 414)),
    ((1, 1), (640, 640)),
    ((3, 1000), (2, 640)),
]


def assert_same(h: int, w: int, size: tuple[int, int], channels: int = 3) -> None:
    image = np.random.default_rng(h * w).integers(0, 256, (h, w, channels), np.uint8)
    theirs = cv2.resize(image, size[::-1], interpolation=cv2.INTER_LINEAR)
    np.testing.assert_array_equal(resize_linear(image, size), theirs.reshape(*size, channels))


@pytest.mark.parametrize(("shape", "size"), SIZES)
def test_sizes_of_frames_and_pictures(shape: tuple[int, int], size: tuple[int, int]) -> None:
    assert_same(*shape, size)


side = st.integers(1, 80)


@settings(max_examples=150, deadline=None)
@given(side, side, side, side, st.sampled_from([1, 3, 4]))
def test_any_size(h: int, w: int, to_h: int, to_w: int, channels: int) -> None:
    assert_same(h, w, (to_h, to_w), channels)


def test_a_view_of_a_larger_picture() -> None:
    image = np.random.default_rng(0).integers(0, 256, (90, 120, 3), np.uint8)[5:77, ::-1]
    np.testing.assert_array_equal(resize_linear(image, (36, 60)), cv2.resize(image, (60, 36)))
