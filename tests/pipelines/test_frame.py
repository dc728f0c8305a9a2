"""A picture's way into SAM's square and its masks' way back: the original's, for any size of picture."""

import numpy as np
import pytest
import torch
from mobile_sam.utils.transforms import ResizeLongestSide

from workbench.compare.verdict import error
from workbench.pipelines.frame import Frame, interpolation

SIZES = [(1, 1), (7, 1024), (1024, 7), (451, 300), (300, 451), (1023, 1025), (1920, 1080), (3, 4000)]


@pytest.mark.parametrize("size", SIZES)
def test_resizing_and_places_are_the_originals(size: tuple[int, int]) -> None:
    image = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), np.uint8)
    frame, theirs = Frame(size), ResizeLongestSide(1024)
    assert np.array_equal(frame.resize(image), theirs.apply_image(image))
    points = np.random.default_rng(1).uniform(0, 1, (5, 2)) * size
    expected = theirs.apply_coords(points, image.shape[:2]).astype(np.float32)
    assert np.array_equal(frame.to_input(points), expected)


def test_a_picture_too_long_for_the_original_keeps_a_row() -> None:
    frame = Frame((5000, 1))
    assert frame.inner == (1024, 1)
    assert frame.resize(np.zeros((1, 5000, 3), np.uint8)).shape == (1, 1024, 3)
    assert frame.enlarge(np.zeros((1, 256, 256), np.float32)).shape == (1, 1, 5000)


@pytest.mark.parametrize("size", SIZES)
def test_masks_are_enlarged_as_the_original_does(size: tuple[int, int]) -> None:
    """The bound: the verdict's C times float32's ulp for the sums, and for the places, which torch rounds to float32 up
    to 1024 twice, an ulp there times the steepest step between neighbours."""
    logits = np.random.default_rng(0).standard_normal((2, 256, 256), np.float32)
    frame = Frame(size)
    up = torch.nn.functional.interpolate(torch.from_numpy(logits)[None], (1024, 1024), mode="bilinear")
    width, height = frame.inner
    expected = torch.nn.functional.interpolate(up[..., :height, :width], size[::-1], mode="bilinear")[0].numpy()
    steepest = max(float(np.abs(np.diff(up.numpy(), axis=axis)).max()) for axis in (2, 3))
    bound = 1.9e-6 + 2.0**-13 * steepest / np.abs(expected).max()
    assert error(frame.enlarge(logits), expected) <= bound


@pytest.mark.parametrize(("n", "m"), [(5, 7), (7, 5), (1, 4), (4, 1), (256, 1024)])
def test_interpolation_takes_means(n: int, m: int) -> None:
    matrix = interpolation(n, m)
    assert matrix.shape == (m, n) and matrix.min() >= 0
    np.testing.assert_allclose(matrix.sum(1), 1, rtol=1e-12)
