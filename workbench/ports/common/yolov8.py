"""What the ports of YOLOv8's tasks share around their networks: letterboxing as ultralytics does it, and the way back.

Pictures and frames may be of any size: LetterBox scales each to fit, centres it on grey and never cuts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from workbench.config.variables import Params
from workbench.opencv_resize import resize_linear
from workbench.ports.base import Arrays, Part, Prepared, Specs
from workbench.ports.common.packages import package_file
from workbench.ports.common.pictures import Picture, open_picture, pixels, views

if TYPE_CHECKING:
    from PIL.Image import Image

IMAGE, BOXES, CLASSES, SCORES = "IMAGE", "BOXES", "CLASSES", "SCORES"  # the configs' names
IMAGES = "IMAGES"  # which picture of the batch a detection is of
CONFIDENCE, IOU, MOST = 0.25, 0.7, 300  # ultralytics' own defaults of conf, iou and max_det
GREY = 114
# The verdict's K, 8, times the largest error from float64 that an original has itself, 2.4e-5: of scores, over the
# three models and the sizes below, with their random weights.
TOLERANCE = 1.9e-4

PARAMS = {
    "BATCH_SIZE": "1",
    "RE_SIZE": "640,640",
    "CONF_THRES": str(CONFIDENCE),
    "IOU_THRES": str(IOU),
    "COUNT": str(MOST),
}
# What every part is tested with beside its own: batches, and another size that is not square.
VARIANTS = (
    {"BATCH_SIZE": "2", "RE_SIZE": "320,416"},
    {"BATCH_SIZE": "4", "RE_SIZE": "320,416"},
    {"RE_SIZE": "480,640"},
)


class Frame(NamedTuple):
    """How a picture lies in the network's input: its own size, the size it has there, and its first row and column.

    Sizes are (height, width).
    """

    size: tuple[int, int]
    inner: tuple[int, int]
    top: int
    left: int

    @property
    def inside(self) -> tuple[slice, slice]:
        """The input's rows and columns that show the picture."""
        return slice(self.top, self.top + self.inner[0]), slice(self.left, self.left + self.inner[1])

    def back(self, points: np.ndarray) -> np.ndarray:
        """Points (..., x, y) of the network's input as points of the picture, cut off at its edges.

        As scale_boxes and scale_coords of ultralytics have it.
        """
        gain = np.array([inner / size for inner, size in zip(self.inner, self.size, strict=True)], np.float64)[::-1]
        limit = np.array(self.size[::-1], np.float32)
        return ((points - np.array([self.left, self.top], np.float32)) / gain.astype(np.float32)).clip(0, limit)


def frame_of(size: tuple[int, int], target: Sequence[int]) -> Frame:
    """Where LetterBox puts a picture of `size` in an input of `target`; both (height, width)."""
    scale = min(target[0] / size[0], target[1] / size[1])
    inner = max(round(size[0] * scale), 1), max(round(size[1] * scale), 1)
    top, left = (round((outer - used) / 2 - 0.1) for outer, used in zip(target, inner, strict=True))
    return Frame(size, inner, top, left)


def letterbox(picture: Picture, target: Sequence[int]) -> tuple[np.ndarray, Frame]:
    """u8 [*target, 3] RGB, byte for byte what ultralytics' LetterBox(target, auto=False) makes of the picture."""
    image = pixels(picture)
    frame = frame_of((image.shape[0], image.shape[1]), target)
    boxed = np.full((*target, 3), GREY, np.uint8)
    boxed[frame.inside] = resize_linear(image, frame.inner)
    return boxed, frame


def preprocess(picture: Picture, inputs: Specs) -> Prepared:
    """u8 [1, h, w, 3] RGB, letterboxed, and the frame."""
    boxed, frame = letterbox(picture, inputs[IMAGE].shape[1:3])
    return Prepared({IMAGE: boxed[None]}, frame)


def sample() -> Image:
    """People in front of a bus: the picture that ultralytics ships."""
    return open_picture(package_file("ultralytics", "assets/bus.jpg", "ultralytics-opencv-headless", "the sample"))


def make_feeds(inputs: Specs) -> Arrays:
    batch, *size, _ = inputs[IMAGE].shape
    return {IMAGE: np.stack([letterbox(view, size)[0] for view in views(sample(), batch)])}


def to_original(feeds: Arrays) -> tuple[np.ndarray, ...]:
    return (feeds[IMAGE].transpose(0, 3, 1, 2).astype(np.float32, order="C") / np.float32(255),)


def upstream(part: Part, params: Params = None) -> Callable[[np.ndarray], Any]:
    """ultralytics' predictor around the part's original."""
    from workbench.ports.common import ultralytics

    return ultralytics.upstream(part, params)
