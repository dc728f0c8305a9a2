"""What YOLO clients bring to SoyNet's module: a detection's 28 bytes, and the sizes and pads of a letterbox."""

from __future__ import annotations

from ctypes import Structure, c_float, c_int

from workbench.errors import WorkbenchError


class YOLO_RESULT(Structure):
    """One row of nms_merge: picture in the batch, corners in pixels, class, confidence. np.dtype(YOLO_RESULT) works."""

    _pack_ = 1
    _layout_ = "ms"  # what _pack_ means, said aloud as Python 3.14 asks
    _fields_ = [
        ("batch_idx", c_int),
        ("x1", c_int),
        ("y1", c_int),
        ("x2", c_int),
        ("y2", c_int),
        ("id", c_int),
        ("conf", c_float),
    ]


class YOLO_SIZE(Structure):
    """The size to which the picture is resized, and the pads that [preproc] puts around it, in pixels."""

    _pack_ = 1
    _layout_ = "ms"
    _fields_ = [
        ("unpad_height", c_int),
        ("unpad_width", c_int),
        ("pad_top", c_int),
        ("pad_bottom", c_int),
        ("pad_left", c_int),
        ("pad_right", c_int),
    ]


def calc_resize_yolo(nH: int, nW: int, H: int, W: int, stride: int) -> tuple[int, YOLO_SIZE]:
    """How an H×W picture fits into nH×nW by YOLOv5's letterbox: its sides keep their ratio, pads fill up to the stride.

    Returns 1 where the picture must be resized (0 where it has the size already), and the sizes. The source is
    letterbox(auto=True) of YOLOv5 6.2 and LetterBox(auto=True) of ultralytics, in whose rounding halves go to even
    sizes and the odd pixel of a pad to the bottom and the right. Raises WorkbenchError for sizes below 1.
    """
    if min(nH, nW, H, W, stride) < 1:
        raise WorkbenchError(f"calc_resize_yolo: expected sizes and a stride of at least 1; got {nH}×{nW} for {H}×{W}, "
                             f"stride {stride}")  # fmt: skip
    ratio = min(nH / H, nW / W)
    height, width = round(H * ratio), round(W * ratio)
    # The tenth sends the half pixel of an odd pad down or up whatever the parity: 0.4 and 0.6 round apart.
    top, bottom, left, right = (
        round(pad % stride / 2 + way) for pad in (nH - height, nW - width) for way in (-0.1, 0.1)
    )
    return int((height, width) != (H, W)), YOLO_SIZE(height, width, top, bottom, left, right)
