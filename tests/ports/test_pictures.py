"""Pictures of every kind are opened as a camera or an eye has them, or are told in one line; broken ones always."""

import contextlib
import io
import random
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from workbench.errors import WorkbenchError
from workbench.ports.common.pictures import letterbox, open_picture, pixels, save_picture, views

RNG = np.random.default_rng(0)
RGB = RNG.integers(0, 256, (5, 7, 3), np.uint8)
PALETTE = Image.fromarray(RGB).quantize(256)
BLACK = Image.new("RGB", (7, 5))
GREY16 = RNG.integers(0, 65536, (5, 7), np.uint16)


def saved(picture: Image.Image, suffix: str = ".png", **options: object) -> Callable[[Path], Path]:
    def save(folder: Path) -> Path:
        picture.save(path := folder / f"x{suffix}", **options)
        return path

    return save


def turned(orientation: int) -> Callable[[Path], Path]:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return saved(Image.fromarray(RGB), exif=exif)


def of_16_bits(folder: Path) -> Path:
    cv2.imwrite(str(folder / "x.png"), GREY16)
    return folder / "x.png"


OPENED = {
    "rgb": (saved(Image.fromarray(RGB)), RGB),
    "grey": (saved(Image.fromarray(RGB[..., 0])), RGB[..., [0, 0, 0]]),
    "alpha is left out": (saved(Image.fromarray(np.dstack([RGB, RGB[..., 0]]))), RGB),
    "palette": (saved(PALETTE), np.asarray(PALETTE.convert("RGB"))),
    "black and white": (saved(Image.fromarray(RGB[..., 0] > 127)), (RGB[..., [0, 0, 0]] > 127) * np.uint8(255)),
    "16 bits": (of_16_bits, np.dstack([(GREY16 >> 8).astype(np.uint8)] * 3)),
    "1 x 1": (saved(Image.fromarray(RGB[:1, :1])), RGB[:1, :1]),
    "one row": (saved(Image.fromarray(RGB[:1])), RGB[:1]),
    "mirrored by EXIF": (turned(2), RGB[:, ::-1]),
    "turned by EXIF": (turned(6), np.rot90(RGB, -1)),
    "turned back by EXIF": (turned(8), np.rot90(RGB)),
    "first of several": (saved(Image.fromarray(RGB), ".tif", save_all=True, append_images=[BLACK]), RGB),
}  # fmt: skip


@pytest.mark.parametrize("kind", OPENED)
def test_every_kind_is_opened_as_8_bits_of_rgb(kind: str, tmp_path: Path) -> None:
    save, expected = OPENED[kind]
    picture = open_picture(save(tmp_path))
    assert picture.mode == "RGB" and np.array_equal(np.asarray(picture), expected)


@pytest.mark.parametrize("kind", ["rgb", "grey", "16 bits", "turned by EXIF"])
def test_a_picture_is_what_opencv_reads(kind: str, tmp_path: Path) -> None:
    path = OPENED[kind][0](tmp_path)
    assert np.array_equal(np.asarray(open_picture(path)), cv2.imread(str(path))[..., ::-1])


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "HSV", "I", "I;16"])
def test_a_picture_of_any_mode_becomes_an_array(mode: str) -> None:
    assert pixels(Image.new(mode, (3, 2))).shape == (2, 3, 3)


def test_an_array_is_taken_as_it_is() -> None:
    assert pixels(RGB) is RGB


def header_only(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds next to nothing, as a decompression bomb does."""
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(b"")),
        (b"IEND", b""),
    ]
    body = b"".join(struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in chunks)
    return b"\x89PNG\r\n\x1a\n" + body


def png(picture: Image.Image) -> bytes:
    picture.save(file := io.BytesIO(), "PNG")
    return file.getvalue()


BROKEN = {
    "missing": (None, "cannot read the picture: No such file"),
    "empty": (b"", "not a picture in a format"),
    "text": (b"no picture", "not a picture in a format"),
    "cut off": (png(Image.fromarray(RGB))[:-40], "cannot read the picture"),
    "only a header": (header_only(64, 64), "cannot read the picture"),
    "bomb": (header_only(10000, 10000), "too many pixels"),
    "larger bomb": (header_only(2**31 - 1, 2**31 - 1), "too many pixels"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_bad_pictures_are_told(kind: str, tmp_path: Path) -> None:
    content, message = BROKEN[kind]
    if content is not None:
        (tmp_path / "x.png").write_bytes(content)
    with pytest.raises(WorkbenchError, match=message) as caught:
        open_picture(tmp_path / "x.png")
    assert str(caught.value).startswith(str(tmp_path / "x.png"))


@pytest.mark.parametrize(("picture", "message"), [
    (Image.new("F", (2, 2)), "a picture of floats"),
    (Image.fromarray(np.full((2, 2), 70000, np.int32)), "expected levels of 0..65535; got 70000..70000"),
])  # fmt: skip
def test_pictures_whose_range_is_not_known_are_told(picture: Image.Image, message: str, tmp_path: Path) -> None:
    with pytest.raises(WorkbenchError, match=message):
        open_picture(saved(picture, ".tif")(tmp_path))


@pytest.mark.parametrize("form", ["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM", "TGA", "DDS"])
def test_whatever_is_done_to_a_file_it_is_read_or_told(form: str, tmp_path: Path) -> None:
    Image.fromarray(RGB).save(file := io.BytesIO(), form)
    rng, path = random.Random(form), tmp_path / "x"
    for _ in range(100):
        data = bytearray(file.getvalue())
        for _ in range(rng.randrange(1, 6)):
            data[rng.randrange(min(len(data), 150))] = rng.randrange(256)
        path.write_bytes(data[: rng.choice([len(data), rng.randrange(len(data))])])
        with contextlib.suppress(WorkbenchError):
            assert open_picture(path).mode == "RGB"


@pytest.mark.parametrize("size", [(7680, 4320), (1, 1), (1, 4000), (5001, 33)])
def test_any_size_is_letterboxed(size: tuple[int, int]) -> None:
    boxed, frame = letterbox(Image.new("RGB", size, (255, 0, 0)), (64, 96))
    assert boxed.shape == (64, 96, 3) and frame.size == size and (boxed[0, 0] == (255, 0, 0)).all()


def test_a_batch_of_views_holds_four_different_pictures() -> None:
    shown = [np.asarray(v).tobytes() for v in views(Image.fromarray(RGB), 6)]
    assert len(set(shown)) == 4 and shown[:2] == shown[4:]


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
def test_a_picture_is_saved_in_the_endings_format(suffix: str, tmp_path: Path) -> None:
    assert open_picture(save_picture(Image.fromarray(RGB), tmp_path / f"x{suffix}")).size == (7, 5)


def test_an_unknown_ending_is_told(tmp_path: Path) -> None:
    with pytest.raises(WorkbenchError, match=r"cannot write a picture as '\.xyz'"):
        save_picture(Image.fromarray(RGB), tmp_path / "x.xyz")
