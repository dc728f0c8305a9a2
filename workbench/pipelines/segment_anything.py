"""Segment Anything: a picture is encoded once, then every prompt on it gives masks (Kirillov et al. 2023,
arXiv:2304.02643).

The networks come from outside, by name: image_encoder, forward_point, backward_point, box, no_box, mask, no_mask and
decoder, each with the inputs and outputs of configs/mobile_sam_*.cfg.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, Protocol

import numpy as np

from workbench.errors import WorkbenchError
from workbench.pipelines.frame import Frame

MEAN = (123.675, 116.28, 103.53)  # of ImageNet's pixels; the padding's colour, which normalised is 0
OUTPUT_TOKENS = 5  # of the decoder, before those of a prompt
ABSENT = -1e4  # added to an attention score, whose exp is then 0 in float32
FEWEST = 8  # prompt tokens of the smallest decoder; more cost a decoder of its own, twice as large each time
FORWARD, BACKWARD = 1, 0  # labels of a point


class Network(Protocol):
    """What runs a part: arrays by name in and out."""

    def run(self, feeds: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]: ...


Open = Callable[
    [str, Mapping[str, str]], Network
]  # part, $NAMEs of its config → network; the same one when asked again


@dataclass(frozen=True, eq=False)
class Prompt:
    """What tells an object, in the picture's pixels. At least one of the three must be given.

    points, labels  [n, 2] x, y and [n]: 1 for a point of the object, 0 for one of the background; labels left out: 1
    box             x1, y1, x2, y2
    mask            f32 [256, 256], logits that an earlier answer gave
    """

    points: Any = ()
    labels: Any = None
    box: Any = None
    mask: Any = None

    def checked(self, size: tuple[int, int]) -> Prompt:
        """As arrays; raises WorkbenchError for what is malformed, outside a picture of `size`, or missing."""
        points = _array(self.points, (-1, 2), "points [n, 2] of x, y")
        labels = _array(np.ones(len(points)) if self.labels is None else self.labels, (-1,), "a label for each point")
        if len(labels) != len(points) or not np.isin(labels, (FORWARD, BACKWARD)).all():
            raise WorkbenchError(
                f"expected a label of 1 (object) or 0 (background) for each of {len(points)} points; got {labels}"
            )
        box = None if self.box is None else _array(self.box, (4,), "a box x1, y1, x2, y2")
        mask = None if self.mask is None else _array(self.mask, (256, 256), "a mask of logits [256, 256]", np.float32)
        if mask is not None and not np.isfinite(mask).all():
            raise WorkbenchError("expected a mask of finite logits; got NaN or Inf in it")
        if not len(points) and box is None and mask is None:
            raise WorkbenchError("no prompt", note="give points, a box or a mask")
        for x, y in [*points, *([] if box is None else box.reshape(2, 2))]:
            if not (0 <= x <= size[0] and 0 <= y <= size[1]):
                raise WorkbenchError(
                    f"{x:g},{y:g} is outside the picture", note=f"x from 0 to {size[0]}, y from 0 to {size[1]}"
                )
        if box is not None and not (box[0] < box[2] and box[1] < box[3]):
            raise WorkbenchError(f"expected a box with x1 < x2 and y1 < y2; got {','.join(f'{v:g}' for v in box)}")
        return Prompt(points, labels, box, mask)


class Segments(NamedTuple):
    """For each of n objects m masks: the three of multimask, or the single one.

    scores    f32 [n, m], the IoU with the object that the network expects
    logits    f32 [n, m, 256, 256], of the padded square; one of them may be a prompt's mask
    enlarged  f32 [n, m, h, w], logits of the picture's pixels: above 0 is the object
    """

    scores: np.ndarray
    logits: np.ndarray
    enlarged: np.ndarray

    @property
    def masks(self) -> np.ndarray:
        """bool [n, m, h, w]."""
        return self.enlarged > 0

    @property
    def best(self) -> np.ndarray:
        """The mask of the highest score for each object, bool [n, h, w]."""
        return self.enlarged[np.arange(len(self.scores)), self.scores.argmax(1)] > 0

    def __str__(self) -> str:
        return "\n".join(
            f"object {i}: expected IoU {' '.join(f'{s:.3f}' for s in scores)}; "
            f"the best mask covers {mask.mean():.1%} of the picture"
            for i, (scores, mask) in enumerate(zip(self.scores, self.best, strict=True))
        )


class SegmentAnything:
    """Masks for prompts on a picture. `set_picture` takes long and `predict` does not.

    `open` gives the networks; each is opened when it is first needed.
    """

    def __init__(self, open: Open) -> None:
        self._open = open
        self.frame: Frame | None = None
        self.embedding = np.empty(0, np.float32)

    def set_picture(self, image: np.ndarray) -> None:
        """Encode a picture, u8 [h, w, 3] RGB."""
        image = np.asarray(image)
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or 0 in image.shape:
            raise WorkbenchError(f"expected a picture u8 [h, w, 3] in RGB; got {image.dtype}{list(image.shape)}")
        frame = Frame((image.shape[1], image.shape[0]))
        self.embedding = self._run("image_encoder", BATCH_SIZE="1", IMAGE=framed(image, frame))
        self.frame = frame

    def predict(
        self, points: Any = (), labels: Any = None, box: Any = None, mask: Any = None, *, multimask: bool = True
    ) -> Segments:
        """The masks of one object; the arguments are Prompt's. Raises WorkbenchError."""
        return self.predict_all([Prompt(points, labels, box, mask)], multimask=multimask)

    def predict_all(self, prompts: Iterable[Prompt], *, multimask: bool = True) -> Segments:
        """The masks of several objects, a prompt each, on the same embedding. Raises WorkbenchError."""
        if self.frame is None:
            raise WorkbenchError("there is no picture yet", note="set_picture comes first")
        checked = [prompt.checked(self.frame.size) for prompt in prompts]
        if not checked:
            raise WorkbenchError("no prompt", note="give one for each object")
        chosen = slice(1, None) if multimask else slice(0, 1)
        answers = [self._decode(*encoded) for encoded in zip(self._sparse(checked), self._dense(checked), strict=True)]
        logits, scores = (np.concatenate([answer[name][:, chosen] for answer in answers]) for name in ("MASKS", "IOU"))
        return Segments(scores, logits, self.frame.enlarge(logits))

    def _sparse(self, prompts: Sequence[Prompt]) -> list[np.ndarray]:
        """For each prompt f32 [tokens, 256]: its points, then the box's corners or the padding point."""
        counts = [len(p.points) for p in prompts]
        points = np.concatenate([p.points for p in prompts])
        labels = np.concatenate([p.labels for p in prompts])
        tokens = np.empty((len(points), 256), np.float32)
        for part, label in (("forward_point", FORWARD), ("backward_point", BACKWARD)):
            if (chosen := labels == label).any():
                tokens[chosen] = self._encoded(part, points[chosen, None])[:, 0]
        boxes = [p.box.reshape(2, 2) for p in prompts if p.box is not None]
        corners = iter(self._encoded("box", np.stack(boxes)) if boxes else ())
        found = []
        for prompt, own in zip(prompts, np.split(tokens, np.cumsum(counts)[:-1]), strict=True):
            if prompt.box is not None:
                own = np.concatenate([own, next(corners)])
            elif len(own):
                own = np.concatenate([own, self._padding_point])
            found.append(own)
        return found

    def _encoded(self, part: str, points: np.ndarray) -> np.ndarray:
        """Points of the picture [n, k, 2] → f32 [n, k, 256], by a prompt encoder of open batch."""
        assert self.frame
        return self._run(part, BATCH_SIZE="-1", COORDINATES=self.frame.to_input(points))

    def _dense(self, prompts: Sequence[Prompt]) -> list[np.ndarray]:
        """For each prompt f32 [1, 256, 64, 64]."""
        return [
            self._no_mask if p.mask is None else self._run("mask", BATCH_SIZE="1", MASK=p.mask[None, None])
            for p in prompts
        ]

    @cached_property
    def _padding_point(self) -> np.ndarray:
        return self._run("no_box", BATCH_SIZE="1", LIKE=np.zeros((1, 1, 2), np.float32))[0]

    @cached_property
    def _no_mask(self) -> np.ndarray:
        return self._run("no_mask", BATCH_SIZE="1", LIKE=np.zeros((1, 1, 2), np.float32))

    def _run(self, part: str, BATCH_SIZE: str, **feeds: np.ndarray) -> np.ndarray:
        """The one output of an encoder."""
        return self._open(part, {"BATCH_SIZE": BATCH_SIZE}).run(feeds)["EMBEDDING"]

    def _decode(self, sparse: np.ndarray, dense: np.ndarray) -> Mapping[str, np.ndarray]:
        """One object's masks; on a CPU one after the other is as fast as a batch, and takes less memory."""
        room = FEWEST
        while room < len(sparse):
            room *= 2
        tokens = np.zeros((1, room, 256), np.float32)
        tokens[0, : len(sparse)] = sparse
        padding = np.zeros((1, 1, 1, OUTPUT_TOKENS + room), np.float32)
        padding[..., OUTPUT_TOKENS + len(sparse) :] = ABSENT
        decoder = self._open("decoder", {"BATCH_SIZE": "1", "PROMPTS": str(room)})
        return decoder.run({"IMAGE": self.embedding, "SPARSE": tokens, "DENSE": dense, "PADDING": padding})


def framed(image: np.ndarray, frame: Frame) -> np.ndarray:
    """u8 [h, w, 3] → f32 [1, side, side, 3] of 0..255, padded with the mean at the right and bottom."""
    width, height = frame.inner
    square = np.empty((1, frame.side, frame.side, 3), np.float32)
    square[0, :height, :width] = frame.resize(image)
    square[0, height:] = square[0, :, width:] = np.array(MEAN, np.float32)
    return square


def _array(value: Any, shape: tuple[int, ...], what: str, dtype: Any = np.float64) -> np.ndarray:
    """As an array of that shape, -1 for any size. Raises WorkbenchError, which says `what` was expected."""
    try:
        array = np.asarray(value, dtype)
    except (TypeError, ValueError) as error:
        raise WorkbenchError(f"expected {what}; got {value!r}") from error
    if array.size == 0 and -1 in shape:
        return array.reshape([0 if n == -1 else n for n in shape])
    if array.ndim != len(shape) or any(n not in (-1, m) for n, m in zip(shape, array.shape, strict=True)):
        raise WorkbenchError(f"expected {what}; got an array of shape {list(array.shape)}")
    return array
