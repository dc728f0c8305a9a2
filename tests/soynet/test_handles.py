"""Programs written against SoyNet's five functions: a client's whole life, and everything it can do wrong."""

import contextlib
import threading
import warnings

import numpy as np
import pytest

from workbench.errors import WorkbenchError
from workbench.soynet import (
    YOLO_RESULT,
    calc_resize_yolo,
    feedData,
    freeSoyNet,
    getOutput,
    inference,
    initSoyNet,
)
from workbench.weights import write_weights

CONFIG = """\
[model] name=$MODEL_NAME make_engine=$MAKE_ENGINE engine_file=$ENGINE_FILE weight_file=$WEIGHT_FILE
license_file=x.key log_dir=$HOME/logs prec_mode=f32 use_cache=0
[input] refname=XX shape=$BATCH_SIZE,$RE_SIZE,3 dtype=u8
[preproc] mode=generic std=255 hwc=1 refname=PREPROC
[conv2d] channel=7 kernel=$RE_SIZE refname=HEAD
[reshape] shape=$BATCH_SIZE,1,7
[slice] start=0,0,0 shape=$BATCH_SIZE,1,4 refname=BOX
[slice] input=reshape_1 start=0,0,4 shape=$BATCH_SIZE,1,3 refname=CLS
[nms] input=BOX,CLS mode=trt bbox_type=xywh class_count=3 count_per_class=1 iou_thres=0.5 conf_thres=0.2
[nms_merge] input=*,BOX,CLS,PREPROC mode=yolov5 org_size=20,40 result_count=4
[output] refname=*
[output] refname=HEAD [end]
"""


@pytest.fixture
def client(tmp_path):
    """(config path, extend_param) of a detector whose one box and three scores are the bias of its convolution."""
    weights = np.zeros(7 * 3 * 8 * 16 + 7, np.float32)
    weights[-7:] = [8, 4, 4.5, 2, 0.1, 0.9, 0.3]  # cx cy w h in 8 x 16 pixels, then scores
    write_weights(tmp_path / "m.weights", weights)
    (tmp_path / "m.cfg").write_text(CONFIG)
    param = (
        f"BATCH_SIZE=2 MODEL_NAME=m MAKE_ENGINE=1 RE_SIZE=8,16 HOME=/opt UNUSED=1 "
        f"ENGINE_FILE={tmp_path}/m.bin WEIGHT_FILE={tmp_path}/m.weights"
    )
    return str(tmp_path / "m.cfg"), param


@pytest.fixture
def handle(client):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        handle = initSoyNet(*client)
    yield handle
    with contextlib.suppress(WorkbenchError):  # the test freed it
        freeSoyNet(handle)


def test_a_client_from_start_to_end(client):
    with pytest.warns(UserWarning, match="without effect here: license_file, log_dir") as told:
        handle = initSoyNet(*client)
    assert len(told) == 1
    inference(handle)  # clients warm up before they feed
    feedData(handle, 0, np.zeros(2 * 8 * 16 * 3, np.uint8))
    inference(handle)
    found = np.zeros(4, YOLO_RESULT)
    getOutput(handle, 0, found)
    # centre 8,4 and size 4.5,2 in 8 x 16 pixels are 14.375..25.625, 7.5..12.5 of 20 x 40, cut to whole pixels
    assert found.tolist()[0][:6] == (0, 14, 7, 25, 12, 1) and found["conf"][0] == np.float32(0.9)
    assert found["batch_idx"].tolist() == [0, 0, 1, 1] and found["id"].tolist() == [1, 2, 1, 2]
    plain = np.zeros((4, 7), np.float32)
    getOutput(handle, 0, plain)
    assert plain[0, 1] == np.float32(14.375)
    head = np.zeros((2, 7), np.float32)
    getOutput(handle, 1, head)
    assert head[1, 5] == np.float32(0.9)
    freeSoyNet(handle)


@pytest.mark.parametrize(
    "wrong, says",
    [
        (lambda h: inference(h + 999), "is no handle, or was freed"),
        (lambda h: inference(None), "is no handle, or was freed"),
        (lambda h: feedData(h, 1, np.zeros(1, np.uint8)), "no input has the index 1"),
        (lambda h: feedData(h, 0, np.zeros((2, 8, 16, 3), np.float32)), "768 values for u8.*got float32"),
        (lambda h: feedData(h, 0, np.zeros((1, 8, 16, 3), np.uint8)), r"got uint8\[1,8,16,3\], 384 values"),
        (lambda h: feedData(h, 0, [0]), "expected a numpy or ctypes array; got list"),
        (lambda h: getOutput(h, 0, np.zeros(4, YOLO_RESULT)), r"call inference\(handle\) first"),
        (lambda h: (inference(h), getOutput(h, 0, np.zeros(3, YOLO_RESULT))), "expected room for float32"),
        (lambda h: (inference(h), getOutput(h, 0, np.zeros(4, [("a", "f8")]))), "expected room for float32"),
        (lambda h: (freeSoyNet(h), freeSoyNet(h)), "was freed"),
        (lambda h: (freeSoyNet(h), inference(h)), "was freed"),
        (lambda h: initSoyNet("nowhere.cfg", ""), "nowhere.cfg"),
        (lambda h: initSoyNet(7), "expected the path of a config"),
    ],
)
def test_what_is_wrong_is_an_exception(handle, wrong, says):
    with pytest.raises(WorkbenchError) as error:
        wrong(handle)
    import re

    assert re.search(says, str(error.value)), str(error.value)


def test_several_handles_in_several_threads(client):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        handles = [initSoyNet(*client) for _ in range(3)]
    results = {}

    def work(handle):
        for _ in range(5):
            inference(handle)
        results[handle] = np.zeros(4, YOLO_RESULT)
        getOutput(handle, 0, results[handle])

    workers = [threading.Thread(target=work, args=(h,)) for h in handles]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len({r.tobytes() for r in results.values()}) == 1
    for handle in handles:
        freeSoyNet(handle)


@pytest.mark.parametrize(
    "sizes, resized, letterbox",
    [
        # YOLOv5's letterbox of 1080p into 640: 360 rows, 24 of padding to the next multiple of 32
        ((640, 640, 1080, 1920, 32), 1, (360, 640, 12, 12, 0, 0)),
        ((640, 640, 640, 640, 32), 0, (640, 640, 0, 0, 0, 0)),
        ((640, 640, 500, 375, 64), 1, (640, 480, 0, 0, 16, 16)),
        ((96, 96, 50, 97, 32), 1, (49, 96, 7, 8, 0, 0)),
    ],
)
def test_letterbox_sizes(sizes, resized, letterbox):
    flag, size = calc_resize_yolo(*sizes)
    assert flag == resized and tuple(getattr(size, name) for name, _ in size._fields_) == letterbox
