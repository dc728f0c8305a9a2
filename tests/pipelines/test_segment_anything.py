"""The pipeline against the original SamPredictor, from prompts on a real picture to logits, scores and enlarged masks.

Weights are seeded random ones, not trained: masks mean nothing, so what is compared are logits and scores, and that
different prompts give answers far further apart than the tolerance.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mobile_sam import SamPredictor

from workbench.compare.verdict import error
from workbench.errors import WorkbenchError
from workbench.pipelines.frame import Frame
from workbench.pipelines.segment_anything import Prompt, SegmentAnything, Segments
from workbench.ports import get_port
from workbench.ports.common import mobile_sam
from workbench.ports.mobile_sam import segmenter
from workbench.ports.networks import Networks
from workbench.session import Session

PORT = get_port("mobile_sam")
# What error of the embedding the decoder hands on, and what it adds.
TOLERANCE = PORT.part("image_encoder").tolerance + PORT.part("decoder").tolerance
POINTS = np.array([[120.0, 100], [300, 200], [50, 250]])
MANY = np.random.default_rng(0).uniform(0, 300, (19, 2))
BOX = np.array([50.0, 40, 300, 250])
PROMPTS: dict[str, dict[str, Any]] = {
    "forward point": {"points": POINTS[:1]},
    "backward point": {"points": POINTS[:1], "labels": [0]},
    "both": {"points": POINTS, "labels": [1, 0, 1]},
    "more points than the smallest decoder takes": {"points": MANY, "labels": [1, 0] * 9 + [1]},
    "box": {"box": BOX},
    "box and points": {"points": POINTS, "labels": [0, 1, 1], "box": BOX},
    "mask": {"mask": np.random.default_rng(1).normal(0, 5, (256, 256)).astype(np.float32)},
    "mask and point": {"mask": np.zeros((256, 256), np.float32) - 3, "points": POINTS[:1]},
    "mask, box and points": {
        "mask": np.ones((256, 256), np.float32),
        "box": BOX,
        "points": POINTS,
        "labels": [1, 0, 0],
    },
}


@pytest.fixture(scope="module")
def theirs() -> SamPredictor:
    """With a random embedding, as if of the sample: what encoding it gives is test_the_encoder_sees_the_same."""
    model = mobile_sam.build()
    model.prompt_encoder, model.mask_decoder = map(mobile_sam.untrained, ("prompt_encoder", "mask_decoder"))
    predictor = SamPredictor(model)
    predictor.features = torch.randn(1, 256, 64, 64, generator=torch.Generator().manual_seed(0))
    predictor.original_size, predictor.input_size, predictor.is_image_set = (300, 451), (681, 1024), True
    return predictor


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Networks]:
    folder = tmp_path_factory.mktemp("mobile_sam")
    weights = {part.name: folder / f"{part.name}.weights" for part in PORT.parts}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name, path in weights.items():
            if name == "image_encoder":
                path.touch()  # written where it is opened
            else:
                Session.of_port("mobile_sam", name).write_weights(path)
        with Networks(PORT, weights=weights) as opened:
            yield opened


@pytest.fixture(scope="module")
def ours(networks: Networks, theirs: SamPredictor) -> SegmentAnything:
    """With the original's embedding."""
    sam = segmenter(networks)
    sam.frame = Frame(theirs.original_size[::-1])
    sam.embedding = theirs.features.numpy()
    return sam


def expected(theirs: SamPredictor, prompt: dict[str, Any], multimask: bool) -> Segments:
    given = dict(prompt)
    points = given.get("points")
    labels = None if points is None else np.array(given.get("labels", np.ones(len(points))))
    mask = None if "mask" not in given else given["mask"][None]
    enlarged, scores, logits = theirs.predict(points, labels, given.get("box"), mask, multimask, return_logits=True)
    return Segments(scores[None], logits[None], enlarged[None])


@pytest.mark.parametrize("name", PROMPTS)
def test_every_kind_of_prompt_gives_what_the_original_gives(
    name: str, ours: SegmentAnything, theirs: SamPredictor
) -> None:
    """Scores are judged over all four masks: one alone may be near 0, which is no range to judge by."""
    both = [(ours.predict(**PROMPTS[name], multimask=m), expected(theirs, PROMPTS[name], m)) for m in (True, False)]
    for got, want in both:
        assert got.logits.shape == want.logits.shape and got.logits.shape[1] in (1, 3)
        assert error(got.logits, want.logits) <= TOLERANCE
        assert error(got.enlarged, want.enlarged) <= TOLERANCE
        assert np.array_equal(got.masks, got.enlarged > 0)
    scores = [np.concatenate([pair[i].scores for pair in both], 1) for i in (0, 1)]
    assert error(*scores) <= TOLERANCE


def test_different_prompts_give_different_answers(ours: SegmentAnything) -> None:
    """Else the test above could not fail."""
    answers = [ours.predict(**prompt).logits for prompt in PROMPTS.values()]
    apart = [error(a, b) for i, a in enumerate(answers) for b in answers[:i]]
    assert min(apart) > 100 * TOLERANCE


def test_several_objects_on_one_embedding(ours: SegmentAnything) -> None:
    together = ours.predict_all([Prompt(**prompt) for prompt in PROMPTS.values()])
    for i, prompt in enumerate(PROMPTS.values()):
        for got, want in zip(together, ours.predict(**prompt), strict=True):
            assert np.array_equal(got[i], want[0])
    assert together.best.shape == (len(PROMPTS), 300, 451)
    assert str(together).count("object") == len(PROMPTS)


def test_a_mask_may_be_refined(ours: SegmentAnything, theirs: SamPredictor) -> None:
    """The logits of an answer are the next prompt, as SamPredictor's users do it."""
    first = ours.predict(POINTS[:1])
    again = {"points": POINTS, "labels": [1, 0, 1], "mask": first.logits[0, 0]}
    got, want = ours.predict(**again), expected(theirs, again, True)
    assert error(got.logits, want.logits) <= TOLERANCE


@pytest.mark.slow
def test_the_encoder_sees_the_same(networks: Networks, tmp_path: Path) -> None:
    """From the picture to its embedding, and from there to masks: odd sizes, a single pixel, a strip."""
    Session.of_port("mobile_sam", "image_encoder").write_weights(tmp_path / "image_encoder.weights")
    theirs, rng = SamPredictor(mobile_sam.sam()), np.random.default_rng(0)
    with Networks(PORT, weights=networks.weights | {"image_encoder": tmp_path / "image_encoder.weights"}) as opened:
        for size in ((300, 451), (1, 1), (37, 1201)):
            image = np.asarray(PORT.sample()) if size == (300, 451) else rng.integers(0, 256, (*size, 3), np.uint8)
            sam = segmenter(opened)
            sam.set_picture(image)
            theirs.set_image(image)
            assert error(sam.embedding, theirs.features.numpy()) <= PORT.part("image_encoder").tolerance
            box = {"box": np.array([0, 0, size[1], size[0]], float)}
            got, want = sam.predict(**box), expected(theirs, box, True)
            assert error(got.logits, want.logits) <= TOLERANCE
            assert error(got.enlarged, want.enlarged) <= TOLERANCE


@pytest.mark.parametrize(("prompt", "message"), [
    ({}, "no prompt"),
    ({"points": [[500, 20]]}, "500,20 is outside the picture"),
    ({"points": [[5, float("nan")]]}, "5,nan is outside the picture"),
    ({"points": [[5, 5]], "labels": [2]}, "a label of 1 .object. or 0"),
    ({"points": [[5, 5]], "labels": [1, 0]}, "for each of 1 points"),
    ({"points": [5, 5]}, r"points \[n, 2\] of x, y; got an array of shape \[2\]"),
    ({"points": "here"}, "points .n, 2. of x, y; got 'here'"),
    ({"box": [5, 5, 5, 9]}, "x1 < x2 and y1 < y2; got 5,5,5,9"),
    ({"box": [5, 5, 500, 9]}, "500,9 is outside"),
    ({"box": [5, 5]}, "a box x1, y1, x2, y2"),
    ({"mask": np.zeros((300, 451))}, r"a mask of logits \[256, 256\]; got an array of shape \[300, 451\]"),
    ({"mask": np.full((256, 256), np.inf)}, "finite logits"),
])  # fmt: skip
def test_bad_prompts_are_told(prompt: dict[str, Any], message: str) -> None:
    with pytest.raises(WorkbenchError, match=message):
        Prompt(**prompt).checked((451, 300))


@pytest.mark.parametrize("image", [np.zeros((5, 5), np.uint8), np.zeros((5, 5, 4), np.uint8), np.zeros((5, 5, 3)),
                                   np.zeros((0, 5, 3), np.uint8)])  # fmt: skip
def test_what_is_no_picture_is_told(image: np.ndarray) -> None:
    with pytest.raises(WorkbenchError, match=r"expected a picture u8 \[h, w, 3\]"):
        SegmentAnything(lambda part, params: pytest.fail("nothing is opened")).set_picture(image)


def test_prompts_before_a_picture_are_told(tmp_path: Path) -> None:
    sam = SegmentAnything(lambda part, params: pytest.fail("nothing is opened"))
    with pytest.raises(WorkbenchError, match="there is no picture yet"):
        sam.predict([[1, 1]])
