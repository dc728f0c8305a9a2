"""The V4 dialect's words and V5.1's for the same thing: tags, keys and values, by the tag they stand under.

Where the meaning was not certain from the name, V4 and V5.1 configs of the same network settled it.
"""

from __future__ import annotations

from collections.abc import Callable

WithBatch = Callable[[list[str], str], list[str]]  # (a key's items, the batch) to V5.1's items

TAGS = {"pooling": "pool2d", "system": "model", "batchnorm": "bn", "fc": "dense", "act": "activation"}
KEYS = {
    ("system", "engine_serialize"): "make_engine",
    ("system", "log_console"): "log_con",
    ("system", "precision_mode"): "prec_mode",
    ("system", "infer_bit"): "prec_mode",
    ("upsample", "factor_size"): "factor",
    ("dense", "unit"): "hidden",
    ("fc", "unit"): "hidden",
    ("act", "mode"): "act",
    ("pixelshuffle", "upscale_factor"): "factor",
    ("resize", "scale_factor"): "factor",
    ("resize", "output_size"): "size",
    ("resize", "align_corner"): "corner_align",
    ("resize", "resize_mode"): "mode",
    ("reduce", "keep_dims"): "keepdim",
    ("pad", "tblr"): "pad",
    ("topk", "k"): "topk_count",
}
DROPPED = {
    "system": ("platform", "engine_workspace", "data_path", "label_path", "quant_batch"),
    "model": ("framework",),
    "conv2d": ("bias",),  # weight_order tells
}
PRECISIONS = {"32": "f32", "16": "f16"}
POOLS = {"gavg": "adapavg", "gmax": "adapmax"}  # of the whole map
WINDOW = ("kernel", "stride", "pad")  # which those have, without a meaning
# Layers with weights or of the detector whose V4 meaning is not V5.1's, whatever their keys say.
STRANGE = {"detect": "its boxes and scores are one tensor; [yolo] gives two", "nms": "it reads one tensor; [nms] two"}

PICTURES = {"hwc3_bgr8": "hwc=1 bgr=1", "hwc3_rgb8": "hwc=1"}
NORMS = {"zp1": "std=255 pre_order=0", "m1p1": "mean=127.5 std=127.5 pre_order=0", "none": ""}


def picture_norm(norm: str, mean: str, std: str) -> str | None:
    """V5.1's words for a norm_mode; None where the meaning is not known.

    zp1ms is (x / 255 - mean) / std, with mean_rgb and std_rgb between 0 and 1, as torchvision states them.
    """
    if norm in NORMS and not (mean or std):
        return NORMS[norm]
    try:
        means, stds = ([float(v) for v in text.split(",")] for text in (mean, std))
    except ValueError:
        return None
    if norm != "zp1ms" or max(means + stds) > 1:
        return None
    return f"mean={_times_255(means)} std={_times_255(stds)} pre_order=0"


def _times_255(values: list[float]) -> str:
    return ",".join(f"{255 * v:.9g}" for v in values)


def _axes(items: list[str], batch: str) -> list[str]:
    """Axes from the front move on by one; those from the end stay. Raises ValueError for what is no number."""
    return [str(n + 1) if n >= 0 else str(n) for n in map(int, items)]


def order(items: list[str], batch: str) -> list[str]:
    return ["0", *_axes(items, batch)]


def _shape(items: list[str], batch: str) -> list[str]:
    """The batch in front; raises ValueError where no input= stated it."""
    if not batch:
        raise ValueError("no batch")
    return [batch, *items]


def _start(items: list[str], batch: str) -> list[str]:
    return ["0", *items]


def _shared(items: list[str], batch: str) -> list[str]:
    """A constant is the same for every item of the batch."""
    return ["1", *items]


# What counts axes or sizes without the batch, by (tag, key); "*" for every tag.
WITH_BATCH: dict[tuple[str, str], WithBatch] = {
    ("trans", "order"): order,
    ("reshape", "shape"): _shape,
    ("slice", "shape"): _shape,
    ("slice", "start"): _start,
    ("const", "dim"): _shared,
    ("*", "axis"): _axes,
}
RENAMED = {"dim": "shape"}  # of those
