"""Videos: frames in and out, a file that is kept when Ctrl-C ends the program, and every mistake told in a line."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from workbench.errors import WorkbenchError
from workbench.ports import digits
from workbench.ports.common.video import Video, is_video, video_writer
from workbench.ports.run import STOPPED, main

ROOT = Path(__file__).resolve().parents[2]
SIZES = {"720p": (720, 1280, 3), "1080p": (1080, 1920, 3), "odd": (35, 77, 3)}


def frames(shape: tuple[int, ...], count: int) -> list[np.ndarray]:
    """Smooth red-green gradients that move, so that a lossy codec keeps them and a swap of channels shows."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    red, green = x * 255 // shape[1], y * 255 // shape[0]
    return [np.dstack([red, green, np.full_like(red, 20 * i)]).astype(np.uint8) for i in range(count)]


def written(path: Path, pictures: list[np.ndarray], rate: float = 10) -> Path:
    with video_writer(path, rate) as write:
        for frame in pictures:
            write(frame)
    return path


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("suffix", [".mp4", ".avi", ".mkv", ".mov"])
def test_frames_come_back_as_they_went_in(suffix: str, size: str, tmp_path: Path) -> None:
    """But for what a lossy codec does to a smooth picture: 8 of 255 levels in the mean. Odd sizes become even."""
    expected = frames(SIZES[size], 3)
    with Video(written(tmp_path / f"x{suffix}", expected)) as video:
        got = list(video)
        assert video.rate == 10 and video.count == len(got) == 3
    for a, b in zip(got, expected, strict=True):
        assert a.shape == (b.shape[0] + b.shape[0] % 2, b.shape[1] + b.shape[1] % 2, 3) and a.dtype == np.uint8
        assert np.abs(a.astype(int)[: b.shape[0], : b.shape[1]] - b).mean() < 8
    assert os.listdir(tmp_path) == [f"x{suffix}"]


@pytest.mark.parametrize(("source", "answer"), [("0", True), ("12", True), ("a.mp4", True), ("A.AVI", True),
                                                ("a.png", False), ("mp4", False), ("-1", False)])  # fmt: skip
def test_what_is_a_video(source: str, answer: bool) -> None:
    assert is_video(source) is answer


BROKEN = {
    "missing": None,
    "empty": b"",
    "text": b"no video" * 99,
    "header": b"RIFF\x00\x00\x00\x00AVI LIST" + bytes(64),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_file_without_frames_is_told(kind: str, tmp_path: Path) -> None:
    """By the program in a process of its own: another user of OpenCV may have turned its messages on in this one."""
    path = tmp_path / "x.mp4"
    if (content := BROKEN[kind]) is not None:
        path.write_bytes(content)
    program = [sys.executable, "-m", "workbench.ports.digits", str(path)]
    done = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, check=False)
    told = done.stderr
    assert done.returncode == 2 and told.startswith(f"{path} cannot read the video: ") and told.count("\n") == 1, told


def test_a_camera_that_is_not_there_is_told() -> None:
    with pytest.raises(WorkbenchError, match="camera 99 gives no picture"):
        Video("99")


class Camera:
    """In place of cv2.VideoCapture: three frames, of which a camera says neither the rate nor the number."""

    def __init__(self, source: int) -> None:
        assert source == 3
        self.left = frames((20, 40, 3), 3)

    def read(self) -> tuple[bool, np.ndarray | None]:
        return (True, self.left.pop(0)[..., ::-1].copy()) if self.left else (False, None)

    def get(self, what: int) -> float:
        return 0.0

    def release(self) -> None:
        self.left = []


def test_a_cameras_frames_are_read_at_a_rate_that_is_assumed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cv2, "VideoCapture", Camera)
    with Video("3") as camera:
        assert (camera.rate, camera.count) == (25.0, 0)
        assert [np.array_equal(a, b) for a, b in zip(camera, frames((20, 40, 3), 3), strict=True)] == [True] * 3


def test_a_file_that_is_cut_off_gives_what_it_holds_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str],
                                                                 monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    path = written(tmp_path / "x.avi", frames((64, 1280, 3), 50))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert main(digits.PORT, [str(path)]) == 0
    out, err = capsys.readouterr()
    assert 10 < len(out.splitlines()) < 40 and out.startswith("frame 0: ")
    assert f"{len(out.splitlines())} frames that can be read, of 50: it is cut off" in err


def test_a_failure_leaves_the_old_file(tmp_path: Path) -> None:
    path = written(tmp_path / "x.mp4", frames((32, 32, 3), 2))
    before = path.read_bytes()
    with pytest.raises(ZeroDivisionError), video_writer(path, 10) as write:
        write(frames((32, 32, 3), 1)[0])
        raise ZeroDivisionError
    assert path.read_bytes() == before and os.listdir(tmp_path) == ["x.mp4"]


@pytest.mark.parametrize(("name", "message"), [
    ("x.xyz", r"cannot write a video as '\.xyz'"),
    ("x.avi", "could not write: it exists and is no regular file"),
])  # fmt: skip
def test_where_no_video_can_be_written(name: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "x.avi").mkdir()
    with pytest.raises(WorkbenchError, match=message):
        written(tmp_path / name, frames((32, 32, 3), 1))


def test_without_opencv_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(WorkbenchError, match="not installed") as caught:
        Video("0")
    assert "porting-workbench[video]" in caught.value.note


def test_ctrl_c_keeps_what_was_written(tmp_path: Path) -> None:
    """SIGINT to the program amid a video of which it never sees the end; the output plays."""
    source = written(tmp_path / "long.avi", frames((64, 1280, 3), 20) * 150)
    program = subprocess.Popen(
        [sys.executable, "-m", "workbench.ports.digits", str(source), "--out", "out.avi"],
        cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)}, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a job in the background ignores it
    )  # fmt: skip
    end = time.monotonic() + 60
    while not any(f.name.startswith(".out.") and f.stat().st_size > 100_000 for f in tmp_path.iterdir()):
        assert time.monotonic() < end and program.poll() is None
        time.sleep(0.02)
    program.send_signal(signal.SIGINT)
    _, told = program.communicate(timeout=60)
    assert program.returncode == STOPPED
    with Video(tmp_path / "out.avi") as video:
        count = sum(1 for _ in video)
    # The signal may fall between a frame's being written and its being counted.
    assert 0 < count < 3000 and told in [f"stopped after {n} frames\n" for n in (count - 1, count)]
    assert sorted(os.listdir(tmp_path)) == ["long.avi", "out.avi", "weights"]
