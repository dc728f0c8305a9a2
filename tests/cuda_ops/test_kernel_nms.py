"""nms.cu against a plain greedy loop; the choice of boxes is exact."""

import numpy as np
import pytest
from kernel_testing import EPS, Raw, Tensor, assert_close, checked, run

from cuda_ops.nms import Suppression, nms, nms_batched, nms_merge, nms_rows

pytestmark = pytest.mark.emulator
rng = np.random.default_rng(0)


def crowd(n, a, c, own=False):
    """Boxes that overlap, as corners or centre and size, and scores with ties (multiples of 1/32)."""
    place = rng.uniform(0, 60, (n, a, c, 2) if own else (n, a, 2))
    boxes = np.concatenate([place, place + rng.uniform(20, 60, place.shape)], -1).astype(np.float32)
    return boxes, (rng.integers(0, 33, (n, a, c)) / 32).astype(np.float32)


def iou(p, q):
    (px1, py1, px2, py2), (qx1, qy1, qx2, qy2) = p, q
    shared = max(min(px2, qx2) - max(px1, qx1), 0) * max(min(py2, qy2) - max(py1, qy1), 0)
    return shared / ((px2 - px1) * (py2 - py1) + (qx2 - qx1) * (qy2 - qy1) - shared) if shared > 0 else 0


def region(pairs, score, size):
    """The `size` best of pairs in falling order, and those that tie with the last."""
    return [p for p in pairs if score[p] >= score[pairs[size - 1]]] if 0 < size < len(pairs) else pairs


def reference(s, boxes, score):
    """(class, box) pairs kept of one picture."""
    if s.centre_size:
        half = boxes[..., 2:] / np.float32(2)
        boxes = np.concatenate([boxes[..., :2] - half, boxes[..., :2] + half], -1)
    best = score.argmax(1)
    pairs = [(b, c) for b in range(s.boxes) for c in range(s.classes)
             if score[b, c] > s.floor and (not s.best_only or c == best[b])]  # fmt: skip
    pairs.sort(key=lambda p: -score[p])
    if s.region_per_class:
        allowed = {p for c in range(s.classes) for p in region([p for p in pairs if p[1] == c], score, s.region)}
        pairs = [p for p in pairs if p in allowed]
    else:
        pairs = region(pairs, score, s.region)
    kept = []
    for b, c in pairs:
        rivals = [(v, k) for v, k in kept if s.across or k == c]
        own = [boxes[v, k] if s.own_boxes else boxes[v] for v, k in rivals]
        mine = boxes[b, c] if s.own_boxes else boxes[b]
        if len(rivals) < s.most and not any(iou(mine, o) > np.float32(s.iou_thres) for o in own):
            kept.append((b, c))
    kept = kept[: s.total] if s.total else sorted(kept, key=lambda p: p[1])
    return [(c, b) for b, c in kept]


def suppress(s, boxes, scores):
    work = Raw(np.zeros(s.work_words, np.int32))
    tensors = Tensor(boxes), Tensor(scores)
    run(nms(s, *tensors, work))
    return work, *tensors


CASES = {
    "every class": Suppression(2, 60, 4, 0.3, 0.4, most=100),
    "centre and size, few of a class": Suppression(1, 60, 3, 0.3, 0.4, most=5, centre_size=True),
    "region": Suppression(2, 61, 4, 0.6, -1.0, most=9, region=30),
    "best class": Suppression(2, 60, 4, 0.3, 0.4, most=7, total=7, best_only=True, centre_size=True),
    "across classes": Suppression(2, 60, 4, 0.6, -1.0, 300, 300, region=45, best_only=True, across=True),
    "own boxes": Suppression(2, 30, 5, 0.2, 0.2, most=4, region=90, own_boxes=True),
    "nothing passes": Suppression(2, 20, 2, 0.5, 2.0, most=5),
    "one box": Suppression(1, 1, 3, 0.5, -1.0, most=5, total=5, best_only=True, across=True),
}


@pytest.mark.parametrize("name", CASES)
def test_rows(drv, name):
    s = CASES[name]
    boxes, scores = crowd(s.batch, s.boxes, s.classes, s.own_boxes)
    work, *_ = suppress(s, boxes, scores)
    y = Raw(np.empty((s.rows, 3), np.int32))
    run(nms_rows(s, work, y))
    want = [(i, *pair) for i in range(s.batch) for pair in reference(s, boxes[i], scores[i])]
    want = want[: s.rows]
    assert [tuple(r) for r in y.read() if r[0] >= 0] == want
    assert (y.read()[len(want) :] == -1).all()


@pytest.mark.parametrize("own", [False, True])
def test_batched(drv, own):
    s = Suppression(2, 40, 3, 0.45, 0.25, 20, 20, region=12, region_per_class=True, own_boxes=own)
    boxes, scores = crowd(2, 40, 3, own)
    work, dev_boxes, dev_scores = suppress(s, boxes, scores)
    outputs = Raw(np.empty(2, np.int32)), Tensor((2, 20, 4)), Tensor((2, 20)), Tensor((2, 20))
    run(nms_batched(s, work, dev_boxes, dev_scores, outputs))
    counts, kept, values, classes = (o.read() for o in outputs)
    for i in range(2):
        want = reference(s, boxes[i], scores[i])
        n = counts[i]
        assert [(int(c),) for c in classes[i, :n]] == [(c,) for c, _ in want] and (classes[i, n:] == -1).all()
        assert np.array_equal(kept[i, :n], [boxes[i, b, c] if own else boxes[i, b] for c, b in want])
        assert np.array_equal(values[i, :n], [scores[i, b, c] for c, b in want])
        assert not kept[i, n:].any() and not values[i, n:].any()


@pytest.mark.parametrize("result_count", [5, 40])
@pytest.mark.parametrize("centre_size", [False, True])
def test_merge(drv, result_count, centre_size):
    boxes, scores = crowd(2, 20, 3)
    rows = [(i, int(rng.integers(3)), b) for i in range(2) for b in rng.permutation(20)[:7]]
    rows = np.array(rows + [(-1, -1, -1)] * 4, np.int32)
    y = Tensor((result_count, 7))
    offset, factor, limit = (3.0, 5.0), (1.5, 1.25), (80.0, 90.0)
    run(nms_merge((Raw(rows), len(rows)), Tensor(boxes), Tensor(scores), (y, result_count), (20, 3), centre_size,
                  offset, factor, limit))  # fmt: skip
    ordered = sorted((r for r in rows.tolist() if r[0] >= 0), key=lambda r: (r[0], -scores[r[0], r[2], r[1]]))
    want = np.zeros((result_count, 7))
    for out, (i, c, b) in zip(want, ordered, strict=False):
        box = boxes[i, b].astype(np.float64)
        box = np.concatenate([box[:2] - box[2:] / 2, box[:2] + box[2:] / 2]) if centre_size else box
        out[:] = i, *np.clip((box - offset * 2) * (factor * 2), 0, limit * 2), c, scores[i, b, c]
    assert_close(y.read(), want, 6 * EPS * 200)  # corners of at most 130 pixels times 1.5


def test_check_mode_is_silent(drv):
    with checked():
        test_rows(drv, "region")
        test_rows(drv, "best class")
        test_batched(drv, False)
        test_merge(drv, 20, True)
