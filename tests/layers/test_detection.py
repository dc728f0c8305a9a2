"""Detection layers against their originals: torchvision's NMS, and the published formulas written out in numpy."""

import numpy as np
import pytest
import torch

from workbench.config.document import Document
from workbench.engines.build import build_engine
from workbench.errors import WorkbenchError
from workbench.graph import TensorSpec
from workbench.layers import LAYERS
from workbench.layers.boxes import crowd


def run(line, *x):
    """The layer of a config line on numpy arrays, by its reference in their own precision."""
    tag, *words = line.split()
    layer = LAYERS[tag].parse(dict(word.split("=") for word in words))
    y = layer.reference(torch, {}, *[torch.from_numpy(a) for a in x])
    return [t.numpy() for t in y] if isinstance(y, list) else y.numpy()


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def test_yolov5_decodes_as_detect_of_6_2():
    rng = np.random.default_rng(0)
    n, classes, h, w, stride, anchors = 2, 3, 4, 5, 16, [(30, 61), (62, 45), (59, 119)]
    x = rng.standard_normal((n, 3 * (5 + classes), h, w))
    boxes, scores = run(f"yolo mode=yolov5 class_count={classes} stride={stride} anchor=30,61,62,45,59,119", x)
    row = 0
    for anchor in range(3):
        for i in range(h):
            for j in range(w):
                p = sigmoid(x[:, anchor * (5 + classes) : (anchor + 1) * (5 + classes), i, j])
                xy = (p[:, 0:2] * 2 + [j - 0.5, i - 0.5]) * stride
                wh = (p[:, 2:4] * 2) ** 2 * anchors[anchor]
                np.testing.assert_allclose(boxes[:, row], np.concatenate([xy, wh], 1), rtol=1e-12)
                np.testing.assert_allclose(scores[:, row], p[:, 4:5] * p[:, 5:], rtol=1e-12)
                row += 1
    assert row == boxes.shape[1] == scores.shape[1]


@pytest.mark.parametrize("flat", [False, True])
def test_yolox_decodes_as_decode_outputs(flat):
    rng = np.random.default_rng(0)
    n, classes, h, w, stride = 2, 4, 3, 5, 8
    x = rng.standard_normal((n, 5 + classes, h, w))
    x[:, 4:] = sigmoid(x[:, 4:])
    rows = x.reshape(n, 5 + classes, h * w).transpose(0, 2, 1)
    size = f"height={h} width={w}" if flat else ""
    line = f"yolo mode=yolox class_count={classes} stride={stride} {size}"
    boxes, scores = run(line, np.ascontiguousarray(rows) if flat else x)
    grid = np.stack(np.meshgrid(np.arange(w), np.arange(h)), 2).reshape(1, -1, 2)
    np.testing.assert_allclose(boxes[..., :2], (rows[..., :2] + grid) * stride, rtol=1e-12)
    np.testing.assert_allclose(boxes[..., 2:], np.exp(rows[..., 2:4]) * stride, rtol=1e-12)
    np.testing.assert_allclose(scores, rows[..., 4:5] * rows[..., 5:], rtol=1e-12)


@pytest.mark.parametrize("bbox_type", ["xyxy", "xywh"])
def test_dist2bbox_decodes_as_yolov8(bbox_type):
    rng = np.random.default_rng(0)
    sizes = [(4, 6), (2, 3), (1, 2)]
    x = rng.uniform(0, 9, (2, 4, sum(h * w for h, w in sizes)))
    boxes = run(f"dist2bbox bbox_type={bbox_type}", x, *[np.zeros((2, 5, *s)) for s in sizes])
    cells = [(j + 0.5, i + 0.5, 8 * 2**level) for level, (h, w) in enumerate(sizes) for i in range(h) for j in range(w)]
    for k, (cx, cy, stride) in enumerate(cells):
        left, top, right, bottom = x[:, :, k].T
        x1, y1, x2, y2 = cx - left, cy - top, cx + right, cy + bottom
        box = (x1, y1, x2, y2) if bbox_type == "xyxy" else ((x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1)
        np.testing.assert_allclose(boxes[:, :, k], np.stack(box, 1) * stride, rtol=1e-12)


def xyxy(box):
    return np.concatenate([box[..., :2] - box[..., 2:] / 2, box[..., :2] + box[..., 2:] / 2], -1)


def kept(box, score, group, iou):
    """Indices that torchvision keeps, by falling score, group by group."""
    ops = pytest.importorskip("torchvision.ops", reason="torchvision is the original of NMS")
    box, score, group = (torch.from_numpy(np.ascontiguousarray(a)) for a in (box, score, group))
    return ops.batched_nms(box, score, group, iou).numpy()


def packed(rows, count):
    """Rows, then -1 up to `count`."""
    rows = np.array(rows, np.int32).reshape(-1, 3)
    return np.concatenate([rows, np.full((count - len(rows), 3), -1, np.int32)])


@pytest.mark.parametrize("region, most", [(-1, 100), (-1, 4), (60, 100), (100000, 7)])
def test_nms_trt_keeps_what_torchvision_keeps(region, most):
    box, score = crowd(np.random.default_rng(1), 3, 80, 4)
    keys = f"bbox_type=xywh region_count={region} count_per_class={most} iou_thres=0.4 conf_thres=0.3"
    want = []
    for i in range(3):
        which, of_class = np.nonzero(score[i] > 0.3)
        best = np.argsort(-score[i][which, of_class])[: region if region > 0 else None]
        which, of_class = which[best], of_class[best]
        keep = kept(xyxy(box[i])[which], score[i][which, of_class], of_class, 0.4)
        for c in range(4):
            want += [(i, c, k) for k in which[keep][of_class[keep] == c][:most]]
    limit = min(4 * min(most, 80), region if region > 0 else 4 * 80)
    np.testing.assert_array_equal(run(f"nms mode=trt {keys}", box, score), packed(want, 3 * limit))


@pytest.mark.parametrize("agnostic", [0, 1])
@pytest.mark.parametrize("mode, most", [("yolov5", 100), ("yolov5", 6), ("yolox", 100)])
def test_nms_keeps_what_non_max_suppression_and_postprocess_keep(mode, most, agnostic):
    """The best class of every box; > conf_thres in YOLOv5, >= in YOLOX; then NMS and the first max_det."""
    box, score = crowd(np.random.default_rng(2), 2, 80, 3)
    threshold = float(np.sort(score.max(2).ravel())[30])  # a score itself, so that > and >= differ
    want = []
    for i in range(2):
        conf, of_class = score[i].max(1), score[i].argmax(1)
        which = np.flatnonzero(conf >= threshold if mode == "yolox" else conf > threshold)
        group = np.zeros_like(which) if agnostic else of_class[which]
        keep = which[kept(xyxy(box[i])[which], conf[which], group, 0.45)][:most]
        want += [(i, of_class[k], k) for k in keep]
    keys = f"nms_count={most} inter_class_nms={agnostic} conf_thres={threshold!r} iou_thres=0.45"
    np.testing.assert_array_equal(run(f"nms mode={mode} {keys}", box, score), packed(want, 2 * min(most, 80)))


@pytest.mark.parametrize("own_boxes", [False, True])
def test_bnms_gives_the_best_of_every_class_together(own_boxes):
    box, score = crowd(np.random.default_rng(4), 2, 60, 3, own_boxes)
    box = box if own_boxes else box[:, :, None]
    counts, boxes, scores, classes = run("bnms mode=yolov8 region_count=20 nms_count=25 conf_thres=0.5", box, score)
    for i in range(2):
        want = []
        for c in range(3):
            which = np.argsort(-score[i, :, c])[:20]
            which = which[score[i, which, c] > 0.5]
            own = box[i, :, c if own_boxes else 0]
            keep = which[kept(own[which], score[i, which, c], np.zeros_like(which), 0.45)]
            want += [(*own[k], score[i, k, c], c) for k in keep]
        want = np.array(sorted(want, key=lambda row: -row[4])[:25], np.float32)
        unused = np.tile(np.float32([0, 0, 0, 0, 0, -1]), (25 - len(want), 1))
        assert counts[i] == len(want)
        got = np.concatenate([boxes[i], scores[i, :, None], classes[i, :, None]], 1)
        np.testing.assert_array_equal(got, np.concatenate([want, unused]))


def decoded(delta, box, weights):
    """torchvision's BoxCoder, which is detectron2's Box2BoxTransform: boxes [A, 4 C] from deltas [A, 4 C]."""
    utils = pytest.importorskip("torchvision.models.detection._utils", reason="torchvision has the box decoder")
    return utils.BoxCoder(weights).decode_single(torch.from_numpy(delta), torch.from_numpy(box)).numpy()


def test_region_moves_detectron2_anchors():
    rng = np.random.default_rng(5)
    h, w, stride, scales, ratios = 3, 4, 8, (16, 40), (0.5, 1.0, 2.0)
    anchors = []
    for y in range(h):
        for x in range(w):
            for scale in scales:
                for ratio in ratios:
                    width = np.sqrt(scale * scale / ratio)
                    half, centre = np.array([width, ratio * width]) / 2, np.array([x, y]) * stride
                    anchors.append(np.concatenate([centre - half, centre + half]))
    delta = rng.standard_normal((2, len(anchors), 4)) * 3
    line = f"region mode=maskrcnn anchor_generator=1 bbox_stride={stride} bbox_scale=16,40 bbox_ratio=0.5,1,2"
    got = run(line, delta, np.zeros((2, 6, h, w)))
    for i in range(2):
        want = decoded(delta[i], np.array(anchors), (1.0, 1.0, 1.0, 1.0))
        # The anchors, up to 60, are f32 (half an ulp is 2e-6), and the exponent widens them up to 62.5 times.
        np.testing.assert_allclose(got[i], want, rtol=1e-6, atol=62.5 * 4 * 2e-6)


def test_region_moves_proposals():
    rng = np.random.default_rng(6)
    delta, place = rng.standard_normal((2, 9, 12)) * 8, rng.uniform(0, 60, (2, 9, 2))
    box = np.concatenate([place, place + rng.uniform(5, 40, (2, 9, 2))], 2)
    want = np.stack([decoded(d, b, (10.0, 10.0, 5.0, 5.0)) for d, b in zip(delta, box, strict=True)])
    np.testing.assert_allclose(run("region mode=maskrcnn anchor_generator=0", delta, box), want, rtol=1e-9)
    clipped = run("region mode=maskrcnn anchor_generator=0 img_size=50,70", delta, box)
    want = np.clip(want.reshape(2, 9, 3, 4), 0, [70, 50, 70, 50]).reshape(2, 9, 12)
    np.testing.assert_allclose(clipped, want, rtol=1e-9)


PIPELINE = """
[input] refname=PICTURE shape=2,30,50,3 dtype=u8
[input] refname=BOX shape=2,80,4 dtype=f32
[input] refname=CLS shape=2,80,3 dtype=f32
[preproc] input=PICTURE mode=generic std=255 hwc=1 bgr=1 pad_value=114 pad=3,5,7,2 pre_order=1,0 refname=PREPROC
[nms] input=BOX,CLS mode=trt bbox_type=BOX_TYPE count_per_class=80 iou_thres=0.5 conf_thres=0.6
[nms_merge] input=*,BOX,CLS,PREPROC mode=MODE org_size=60,150 result_count=COUNT refname=FINAL
[output] refname=FINAL,PREPROC [end]
"""


def network(text=PIPELINE, **words):
    for word, value in words.items():
        text = text.replace(word, str(value))
    return Document(text.encode(), "pipeline.cfg")


@pytest.mark.parametrize("engine", ["reference", "openvino"])
@pytest.mark.parametrize(
    "mode, bbox_type, count", [("yolov5", "xywh", 200), ("yolov8", "xyxy", 200), ("yolov5", "xywh", 11)]
)
def test_a_pipeline_gives_detections_in_the_original_picture(engine, mode, bbox_type, count):
    rng = np.random.default_rng(3)
    box, score = crowd(rng, 2, 80, 3)
    feeds = {"PICTURE": rng.integers(0, 256, (2, 30, 50, 3), np.uint8), "BOX": box, "CLS": score}
    got = build_engine(network(BOX_TYPE=bbox_type, MODE=mode, COUNT=count), engine=engine).run(feeds)
    letterboxed = np.full((2, 38, 59, 3), 114.0)
    letterboxed[:, 3:33, 7:57] = feeds["PICTURE"][..., ::-1]
    np.testing.assert_allclose(got["PREPROC"], letterboxed.transpose(0, 3, 1, 2) / 255, rtol=1e-6)

    want = []
    corners = xyxy(box) if bbox_type == "xywh" else box
    for i in range(2):
        which, of_class = np.nonzero(score[i] > 0.6)
        for k in kept(corners[i][which], score[i][which, of_class], of_class, 0.5):
            x1, y1, x2, y2 = corners[i][which[k]]
            x1, x2 = (np.clip((x - 7) * 150 / 50, 0, 150) for x in (x1, x2))
            y1, y2 = (np.clip((y - 3) * 60 / 30, 0, 60) for y in (y1, y2))
            want.append((i, x1, y1, x2, y2, of_class[k], score[i][which[k], of_class[k]]))
    assert 11 < len(want) < 200
    want = np.concatenate([want, np.zeros((200, 7))])[:count]
    assert got["FINAL"].shape == want.shape
    np.testing.assert_array_equal(got["FINAL"][:, [0, 5, 6]], want[:, [0, 5, 6]].astype(np.float32))
    # Corners come from a few f32 operations on numbers up to 300.
    np.testing.assert_allclose(got["FINAL"][:, 1:5], want[:, 1:5], atol=300 * 4 * 2.0**-23)


def test_nms_merge_wants_the_preproc_line():
    text = PIPELINE.replace("refname=PREPROC", "refname=P [activation] act=relu refname=PREPROC")
    with pytest.raises(WorkbenchError, match=r"pipeline\.cfg:7.*nms_merge.*\[preproc\]"):
        build_engine(network(text, BOX_TYPE="xyxy", MODE="yolov8", COUNT=5))


@pytest.mark.parametrize(
    "line, shapes, message",
    [
        ("nms mode=yolov5c", [(1, 9, 4), (1, 9, 2)], "yolov5c"),
        ("nms mode=yolov5 output_format=rip", [(1, 9, 4), (1, 9, 2)], "output_format=rip"),
        ("nms mode=trt intra_iou_thres=0.5 count_per_class=3", [(1, 9, 4), (1, 9, 2)], "intra_iou_thres"),
        ("nms mode=trt", [(1, 9, 4), (1, 9, 2)], "count_per_class=0"),
        ("nms mode=trt count_per_class=3 class_count=80", [(1, 9, 4), (1, 9, 2)], "class_count=80"),
        ("nms mode=trt count_per_class=3", [(-1, 9, 4), (-1, 9, 2)], "fixed batch"),
        ("nms mode=yolox", [(1, 9, 2, 4), (1, 9, 2)], r"f32\[1,9,4\]"),
        ("yolo mode=yolov5 class_count=2 stride=8 anchor=1,2,3", [(1, 14, 3, 3)], "anchor has 3"),
        ("yolo mode=yolov5 class_count=2 stride=8 anchor=1,2,3,4", [(1, 15, 3, 3)], r"\[N,14,3,3\]"),
        ("yolo mode=yolox class_count=2 stride=8", [(1, 9, 7)], r"\[N,0,7\]"),
        ("dist2bbox bbox_type=xyxy", [(1, 4, 9), (1, 5, 2, 4)], r"\[N,4,8\].*2×4"),
        ("preproc mode=wav2lip", [(1, 4, 4, 3)], "wav2lip"),
        ("preproc mode=generic mean=1,2,3 pre_order=0", [(1, 4, 4, 3)], "mean has 3"),
        ("preproc mode=generic hwc=1 pre_order=1,1", [(1, 4, 4, 3)], "pre_order=1,1"),
        ("bnms mode=yolov8", [(1, 9, 4), (1, 9, 2)], "expected boxes"),
        ("region mode=maskrcnn anchor_generator=1", [(1, 9, 4), (1, 3, 1, 3)], "bbox_stride"),
    ],
)
def test_what_does_not_fit_or_is_not_known_is_refused(line, shapes, message):
    tag, *words = line.split()
    layer = LAYERS[tag].parse(dict(word.split("=") for word in words))
    with pytest.raises(WorkbenchError, match=message):
        layer.infer(*[TensorSpec(shape) for shape in shapes])


def test_mask_rcnns_second_stage_as_torchvision_does_it():
    """nms, nms_gather and roialign on boxes that each class has its own of, from a config on the built engine."""
    ops = pytest.importorskip("torchvision.ops", reason="torchvision (extra models)")
    rng = np.random.default_rng(3)
    box, score = crowd(rng, 2, 20, 3, own_boxes=True)
    maps = rng.standard_normal((2, 4, 16, 16)).astype(np.float32)
    config = """
    [input] refname=BOX shape=2,20,12 dtype=f32
    [input] refname=SCORE shape=2,20,3 dtype=f32
    [input] refname=MAP shape=2,4,16,16 dtype=f32
    [reshape] input=BOX shape=2,20,3,4 refname=OWN
    [nms] input=OWN,SCORE mode=trt bbox_type=xyxy count_per_class=100 iou_thres=0.3 conf_thres=0.4 refname=ROWS
    [nms_gather] input=ROWS,BOX mode=maskrcnn class_count=3 nms_idx=2 refname=ROI
    [roialign] input=MAP,ROI mode=generic align_size=3 spatial_scale=0.125 sampling_ratio=2 aligned=1 refname=Y
    [output] refname=ROI,Y
    """
    with build_engine(Document(config)) as engine:
        got = engine.run({"BOX": box.reshape(2, 20, 12), "SCORE": score, "MAP": maps})
    want = []
    for image in range(2):
        which, of_class = np.nonzero(score[image] > 0.4)
        boxes = torch.from_numpy(box[image][which, of_class])
        values = torch.from_numpy(score[image][which, of_class])
        kept = ops.batched_nms(boxes, values, torch.from_numpy(of_class), 0.3)
        want += [[image, *boxes[i].tolist()] for i in sorted(kept, key=lambda i: (of_class[i], -values[i]))]
    used = got["ROI"][: len(want)]
    np.testing.assert_array_equal(used, np.array(want, np.float32))
    assert len(want) > 10 and not got["ROI"][len(want) :].any()
    pooled = ops.roi_align(torch.from_numpy(maps), torch.from_numpy(used), 3, 0.125, 2, True).numpy()
    np.testing.assert_allclose(got["Y"][: len(want)], pooled, atol=16 * np.spacing(np.float32(abs(maps).max())))
