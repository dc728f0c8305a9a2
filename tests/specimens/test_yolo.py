"""YOLOv8n and YOLOv5n6 (configs from the field) and our YOLOv5n against the originals: every map, box and row."""

import importlib
import warnings

import numpy as np
import pytest
import torch
from parity import (
    ROOT,
    assert_agree,
    assert_every_tensor_counts,
    letterboxed,
    open_network,
    picture,
    quiet_threshold,
    randomise,
)

from workbench.paths import configs_dir

pytestmark = [pytest.mark.agpl, pytest.mark.filterwarnings("ignore")]
CLASSES, BATCH, SIZE, PADS, ORIGINAL = 80, 2, (120, 192), (4, 4, 0, 0), (360, 576)
LIMITS = {"yolov8n": 1e-5, "yolov5n6r62": 1e-4, "yolov5n": 1e-4}
RESULTS = {"yolov8n": ("BOX", "CLS"), "yolov5n6r62": ("BB", "CC"), "yolov5n": ("BOX", "CONF")}
CONFIGS = {"yolov8n": ROOT / "yolov8n.cfg", "yolov5n6r62": ROOT / "yolov5n6r62.cfg",
           "yolov5n": configs_dir() / "yolov5n.cfg"}  # fmt: skip
YAML = {"yolov5n6r62": "hub/yolov5n6.yaml", "yolov5n": "yolov5n.yaml"}


def params(**more):
    return {
        "BATCH": BATCH, "CLASSES": CLASSES, "PADS": PADS,
        "MODEL_NAME": "m", "MODEL_CODE": "m", "MAKE_ENGINE": 1, "SOYNET_HOME": ROOT, "ENGINE_FILE": "",
        "WEIGHT_FILE": "", "PLUGIN_DIR": "-", "BATCH_SIZE": BATCH, "CLASS_COUNT": CLASSES, "RE_SIZE": SIZE,
        "TOP": PADS[0], "BOTTOM": PADS[1], "LEFT": PADS[2], "RIGHT": PADS[3], "ORG_SIZE": ORIGINAL,
        "REGION_COUNT": 20000, "COUNT_PER_CLASS": 300, "RESULT_COUNT": 600, "IOU_THRES": 0.45, "CONF_THRES": 0.25,
    } | more  # fmt: skip


def build_model(name):
    """The original with drawn batch norms, folded as its own code folds them, and classes likely enough to be seen."""
    torch.manual_seed(1)
    if name == "yolov8n":
        tasks = pytest.importorskip("ultralytics.nn.tasks", reason="ultralytics (extra models-agpl)")
        model = randomise(tasks.DetectionModel("yolov8n.yaml", verbose=False))
        lasts = [branch[-1] for branch in model.model[-1].cv3]
        for branch in model.model[-1].cv2:  # distances of a few cells, so that boxes differ and overlap in part
            branch[-1].bias.data = (-0.8 * torch.arange(16.0)).repeat(4)
    else:
        yolo = pytest.importorskip("yolov5.models.yolo", reason="yolov5 6.2.3 (originals-agpl.txt)")
        folder = importlib.import_module("yolov5").__path__[0]
        model = randomise(yolo.Model(f"{folder}/models/{YAML[name]}"))
        lasts = model.model[-1].m
    for conv in lasts:
        torch.nn.init.normal_(conv.weight, 0, 0.15)
        conv.bias.data += 3
        if name != "yolov8n":  # boxes of a fraction of their anchors
            conv.bias.data.view(3, -1)[:, 2:4] -= 5
    return model.fuse().eval()


def scale_by_scale(ran):
    """ultralytics runs the box branch of all three scales and then the class branch; the config goes by scale."""
    body, head, dfl = ran[:-19], ran[-19:-1], ran[-1:]
    return body + [conv for i in (0, 3, 6) for start in (i, i + 9) for conv in head[start : start + 3]] + dfl


HEAD_ORDER = {"yolov8n": scale_by_scale}


def feature_maps(graph, ran):
    """Every convolution's output by the config's name of it, behind its activation where it has one."""
    lines = [n for n in graph.body if n.tag == "conv2d"]
    silu = torch.nn.functional.silu
    return {
        n.outputs[0]: y if n.act.name == "identity" else silu(torch.from_numpy(y)).numpy()
        for n, (_, y) in zip(lines, ran, strict=True)
    }


@pytest.fixture(scope="module", params=list(LIMITS))
def case(request):
    name = request.param
    if not CONFIGS[name].is_file():
        pytest.skip(f"no {CONFIGS[name]}: set WORKBENCH_SPECIMENS")
    model, pictures = build_model(name), picture(BATCH, *SIZE)
    x = letterboxed(pictures, *PADS)
    network, y, ran = open_network(CONFIGS[name], params(), x, model, HEAD_ORDER.get(name, list))
    return name, network, pictures, y[0], feature_maps(network.parsed.graph, ran)


def parts(name, prediction, maps):
    """What must agree, each by itself: boxes in pixels, class scores, and every map."""
    box, score = RESULTS[name]
    if name == "yolov8n":
        prediction = prediction.transpose(1, 2)
        return {box: prediction[..., :4].numpy(), score: prediction[..., 4:].numpy()} | maps
    return {box: prediction[..., :4].numpy(), score: (prediction[..., 5:] * prediction[..., 4:5]).numpy()} | maps


def test_every_part_of_the_network_agrees(case):
    name, network, pictures, prediction, maps = case
    originals = parts(name, prediction, maps)
    with network.build("openvino", "f32", list(originals), 1) as engine:
        assert_agree(engine.run(pictures), originals, LIMITS[name])


@pytest.mark.slow
def test_a_zeroed_tensor_is_seen(case):
    name, network, pictures, prediction, maps = case
    assert_every_tensor_counts(network, pictures, parts(name, prediction, maps), LIMITS[name])


def test_detections_are_the_originals_postprocessings(case):
    name, network, pictures, prediction, _ = case
    scores = parts(name, prediction, {})[RESULTS[name][1]]
    conf = quiet_threshold(scores, 150)
    want = postprocess(name, prediction, conf)
    changed = type(network)(*reparsed(network, conf))
    with changed.build("openvino", "f32", threads=1) as engine:
        (rows,) = engine.run(pictures).values()
    rows = rows[rows[:, 6] > 0]
    assert len(rows) == len(want) > 20 and len(set(want[:, 0])) == BATCH
    order = [np.lexsort((r[:, 1].round(1), r[:, 5], -r[:, 6].round(5), r[:, 0])) for r in (rows, want)]
    rows, want = rows[order[0]], want[order[1]]
    np.testing.assert_array_equal(rows[:, [0, 5]], want[:, [0, 5]])
    np.testing.assert_allclose(rows[:, 6], want[:, 6], atol=LIMITS[name])
    np.testing.assert_allclose(rows[:, 1:5], want[:, 1:5], atol=LIMITS[name] * max(ORIGINAL))


def reparsed(network, conf):
    from workbench.engines.build import load_network

    again = load_network(network.parsed.document, params(CONF_THRES=f"{conf:.9f}"), network.values)
    return again.parsed, again.values


def postprocess(name, prediction, conf):
    """Rows (picture, x1, y1, x2, y2, class, score) by the original's own code."""
    h, w = SIZE[0] + PADS[0] + PADS[1], SIZE[1] + PADS[2] + PADS[3]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if name == "yolov8n":
            from ultralytics.utils.nms import non_max_suppression
            from ultralytics.utils.ops import scale_boxes as scale

            found = non_max_suppression(prediction.clone(), conf, 0.45, multi_label=True, max_det=20000)
        else:
            from yolov5.utils.general import non_max_suppression
            from yolov5.utils.general import scale_boxes as scale

            found = non_max_suppression(prediction.clone(), conf, 0.45, multi_label=True, max_det=20000)
    rows = []
    for i, boxes in enumerate(found):
        boxes[:, :4] = scale((h, w), boxes[:, :4], (*ORIGINAL, 3))
        rows += [[i, *box[:4].tolist(), box[5].item(), box[4].item()] for box in boxes]
    return np.array(rows, np.float32)
