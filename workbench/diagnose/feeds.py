"""Before the network: a feed that is not what the original is fed, and what it takes to make it so."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations, product
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from workbench.compare.result import sci
from workbench.compare.verdict import error, tolerance
from workbench.diagnose.causes.numbers import numbers
from workbench.diagnose.locate import Located
from workbench.diagnose.pictures import side_by_side
from workbench.diagnose.result import Diagnosis, Finding
from workbench.trace.resized import how_resized

if TYPE_CHECKING:
    from workbench.session import Session

FAR, PATCH = 16, 8  # pixels that a letterbox may be off by; side of the patch that is looked for first
FEED_CAUSES = {
    "rgb_bgr": "the feed's channels in reverse order",
    "hwc_chw": "the feed's axes in any other order",
    "mean_std": "each channel scaled and shifted (1/255, mean and std), in either order of the channels",
    "letterbox": f"the picture up to {FAR} pixels elsewhere, in a border of one value",
    "resize_method": "the picture, where it is given, resized in each of the usual ways: OpenCV's, Pillow's, torch's",
}


class Feed(NamedTuple):
    """A cause, what the feed should be like in words, and the feed made so."""

    cause: str
    text: str
    made: np.ndarray


def faulty_feed(session: Session, found: Located, picture: np.ndarray | None) -> Diagnosis | None:
    """The first tied [input] line whose feed has not the original's values; None where there is none.

    `picture` (u8 [h, w, c]) is what both were made from, where that is known.
    """
    feeds = session.feeds(found.sound)
    for node in found.sound:
        name = node.outputs[0] if node.tag == "input" else ""
        if name not in feeds or name not in found.originals:
            continue
        got, want = feeds[name], found.originals[name]
        before = error(got.astype(np.float32), want.astype(np.float32))
        if before > tolerance(0.0):
            tried = list(_tried(np.asarray(got, np.float32), np.asarray(want, np.float32), picture))
            errors = [error(t.made, want) for t in tried]
            findings = [Finding(t.cause, f"the feed '{name}' {t.text}", before, e)
                        for t, e in zip(tried, errors, strict=True) if e <= tolerance(0.0)]  # fmt: skip
            text = f"the feed '{name}' is not what the original is fed: error {sci(before)}; {_shapes(got, want)}"
            return Diagnosis(session.document.file, node.where, str(node), "input", text, findings[:1],
                             tried=len(tried), pictures=side_by_side(want, got))  # fmt: skip
    return None


def _shapes(got: np.ndarray, want: np.ndarray) -> str:
    ends = [f"{x.dtype}{list(x.shape)} of {x.min():.4g} to {x.max():.4g}" for x in (got, want)]
    return f"it is {ends[0]}, the original's {ends[1]}"


def _tried(got: np.ndarray, want: np.ndarray, picture: np.ndarray | None) -> Iterator[Feed]:
    """Corrections of the feed, the simplest first."""
    orders = [p for p in permutations(range(got.ndim)) if tuple(got.shape[i] for i in p) == want.shape]
    if got.ndim != 4 or not orders:
        return
    for order in orders:
        x, text = got.transpose(order), [] if order == (0, 1, 2, 3) else [f"has its axes in the order {order}"]
        if text:
            yield Feed("hwc_chw", text[0], x)
        yield Feed("rgb_bgr", " and ".join([*text, "has its channels reversed"]), x[:, ::-1])
        for channels, more in ((x, []), (x[:, ::-1], ["has its channels reversed"])):
            yield from _scaled(channels, want, [*text, *more])
    yield from _moved(got, want)
    if picture is not None and got.shape == want.shape:
        yield from _resized(got, want, picture)


def _scaled(x: np.ndarray, want: np.ndarray, words: list[str]) -> Iterator[Feed]:
    """Every channel's straight line to the original's."""
    if not all(np.ptp(x[:, c]) and np.ptp(want[:, c]) for c in range(x.shape[1])):
        return
    lines = [np.polyfit(x[:, c].reshape(-1).astype(np.float64), want[:, c].reshape(-1).astype(np.float64), 1)
             for c in range(x.shape[1])]  # fmt: skip
    factor, shift = (np.array(side).reshape(1, -1, 1, 1) for side in zip(*lines, strict=True))
    mean, std = (-shift / factor).reshape(-1), (1 / factor).reshape(-1)
    text = f"has mean {numbers(mean)} subtracted and is divided by {numbers(std)}"
    yield Feed("mean_std", " and ".join([*words, text]), (x * factor + shift).astype(np.float32))


def _moved(got: np.ndarray, want: np.ndarray) -> Iterator[Feed]:
    """The picture elsewhere in its border, whose value is that of a corner."""
    h, w = want.shape[2:]
    y, x = (h - PATCH) // 2, (w - PATCH) // 2
    patch = want[:, :, y : y + PATCH, x : x + PATCH]
    for dy, dx in product(range(-FAR, FAR + 1), repeat=2):
        if not (0 <= y - dy <= h - PATCH and 0 <= x - dx <= w - PATCH) or not (dy or dx):
            continue
        if np.array_equal(got[:, :, y - dy : y - dy + PATCH, x - dx : x - dx + PATCH], patch):
            border = np.broadcast_to(want[:, :, :1, :1], want.shape).copy()
            made = np.roll(got, (dy, dx), (2, 3))
            inside = np.roll(np.abs(got - got[:, :, -1:, -1:]).max(1, keepdims=True) > 0, (dy, dx), (2, 3))
            yield Feed("letterbox", f"is moved by {dy} rows and {dx} columns", np.where(inside, made, border))


def _resized(got: np.ndarray, want: np.ndarray, picture: np.ndarray) -> Iterator[Feed]:
    """The picture resized as the original's input was."""
    right, wrong = how_resized(picture, want), how_resized(picture, got)
    if right and (wrong is None or right[:2] != wrong[:2]):
        ours = f"is resized by {wrong}, " if wrong else ""
        yield Feed("resize_method", f"{ours}the original's is resized by {right}", right.made)
