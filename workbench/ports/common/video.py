"""Videos: frames out of a file or a camera, pictures into a file. Through OpenCV, which is loaded when it is needed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from workbench.atomic import atomic_path
from workbench.errors import WorkbenchError

SUFFIXES = (".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".webm")
_CODECS = {".avi": "MJPG", ".mkv": "mp4v", ".m4v": "mp4v", ".mov": "mp4v", ".mp4": "mp4v"}
_RATE = 25.0  # frames per second where a camera does not say


def is_video(source: str | Path) -> bool:
    """True for a camera's number and for a file name that ends as videos do."""
    return str(source).isdecimal() or Path(source).suffix.lower() in SUFFIXES


class Video:
    """The frames of a video file or, named by its number, of a camera: u8 [h, w, 3] RGB; a context manager.

    `rate` is in frames per second, `count` the number of frames that the file claims, 0 where it is not known.
    Raises WorkbenchError for a file that is missing or holds no frame, and for a camera that is not there.
    """

    def __init__(self, source: str | Path) -> None:
        cv2 = _opencv()
        self.source = str(source)
        camera = self.source.isdecimal()
        if not camera and not Path(source).is_file():
            raise WorkbenchError("cannot read the video: no such file", self.source)
        self._capture = cv2.VideoCapture(*((int(self.source),) if camera else (self.source, cv2.CAP_FFMPEG)))
        self._next = self._read()
        if self._next is None:
            self.close()
            if camera:
                raise WorkbenchError(f"camera {self.source} gives no picture", note="0 is the first camera")
            raise WorkbenchError("cannot read the video: no frame in it can be decoded", self.source)
        self.rate = self._capture.get(cv2.CAP_PROP_FPS) or _RATE
        self.count = 0 if camera else max(0, int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT)))

    def __iter__(self) -> Iterator[np.ndarray]:
        while self._next is not None:
            frame, self._next = self._next, None
            yield frame
            self._next = self._read()

    def _read(self) -> np.ndarray | None:
        good, frame = self._capture.read()
        return _opencv().cvtColor(frame, _opencv().COLOR_BGR2RGB) if good else None

    def close(self) -> None:
        self._capture.release()

    def __enter__(self) -> Video:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@contextmanager
def video_writer(path: str | Path, rate: float) -> Iterator[Callable[[np.ndarray], None]]:
    """What writes a frame, u8 [h, w, 3] RGB, all of one size; the file appears when the block ends well.

    The codecs know pairs of pixels only: an odd width or height is made even by repeating the edge.
    Raises WorkbenchError for an ending that names no format, and where the file cannot be written.
    """
    cv2, path = _opencv(), Path(path)
    codec = _CODECS.get(path.suffix.lower())
    if codec is None:
        raise WorkbenchError(f"cannot write a video as '{path.suffix}'", str(path), f"use {' '.join(_CODECS)}")
    writer = cv2.VideoWriter()

    def write(frame: np.ndarray) -> None:
        frame = np.pad(frame, [(0, frame.shape[0] % 2), (0, frame.shape[1] % 2), (0, 0)], "edge")
        size = frame.shape[1::-1]
        if not writer.isOpened() and not writer.open(str(temporary), cv2.VideoWriter_fourcc(*codec), rate, size):
            raise WorkbenchError(f"OpenCV cannot write {size[0]} x {size[1]} pixels as {codec}", str(path))
        writer.write(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))

    with atomic_path(path) as temporary:
        try:
            yield write
        finally:
            writer.release()


def _opencv() -> Any:
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # its own messages would stand beside ours
    try:
        import cv2
    except ImportError as error:
        raise WorkbenchError(
            "videos and cameras are read by OpenCV, which is not installed",
            note="pip install 'porting-workbench[video]'",
        ) from error
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    return cv2
