"""yolo.cu against float64 formulas."""

import numpy as np
import pytest
from kernel_testing import EPS, Tensor, assert_close, checked, rounded, run

from cuda_ops.yolo import cell_grid, dist2bbox, yolo

pytestmark = pytest.mark.emulator
rng = np.random.default_rng(0)
ANCHORS = (10, 13, 16, 30, 33, 23)


def sigmoid(v):
    return 1 / (1 + np.exp(-v))


def check_yolo(mode, flattened=False, storage="f32"):
    batch, (rows, columns), classes, stride = 2, (3, 5), 4, 16
    anchors = ANCHORS if mode == "yolov5" else ()
    count = len(anchors) // 2 or 1
    x = rounded(rng.standard_normal((batch, count, 5 + classes, rows * columns)), storage)
    boxes, scores = Tensor((batch, count * 15, 4), storage), Tensor((batch, count * 15, classes), storage)
    fed = x[:, 0].transpose(0, 2, 1) if flattened else x
    launch = yolo(mode, Tensor(np.ascontiguousarray(fed), storage), boxes, scores, batch, (rows, columns), classes,
                  stride, anchors, flattened)  # fmt: skip
    run(launch, storage=storage)
    y, cx = np.mgrid[:rows, :columns].reshape(2, -1)
    cell, v = np.stack([cx, y]), x.astype(np.float64)
    if mode == "yolov5":
        v = sigmoid(v)
        sizes = np.array(anchors, np.float64).reshape(1, -1, 2, 1)
        xy, wh = (2 * v[:, :, :2] - 0.5 + cell) * stride, (2 * v[:, :, 2:4]) ** 2 * sizes
    else:
        xy, wh = (v[:, :, :2] + cell) * stride, np.exp(v[:, :, 2:4]) * stride
    want = np.concatenate([xy, wh], 2).transpose(0, 1, 3, 2).reshape(boxes.read().shape)
    # sigmoid and exp cost some units in the last place; xy are rounded at the size of what is summed
    assert_close(boxes.read(), want, 16 * EPS * (np.abs(want) + 2 * stride), storage)
    want = (v[:, :, 4:5] * v[:, :, 5:]).transpose(0, 1, 3, 2).reshape(scores.read().shape)
    assert_close(scores.read(), want, 16 * EPS * np.abs(want), storage)


def check_dist2bbox(centre_size):
    maps = [(5, 7), (3, 4), (1, 2)]
    grid = cell_grid(maps).astype(np.float64)
    x = rng.uniform(0, 9, (2, 4, grid.shape[1])).astype(np.float32)
    y = Tensor(x.shape)
    run(dist2bbox(Tensor(x), y, 2, maps, centre_size))
    first, last = grid[:2] - x[:, :2], grid[:2] + x[:, 2:]
    want = np.concatenate([(first + last) / 2, last - first] if centre_size else [first, last], 1) * grid[2]
    assert_close(y.read(), want, 4 * EPS * 20 * 32)  # sums of at most 20 cells, of at most 32 pixels each


@pytest.mark.parametrize("mode, flattened", [("yolov5", False), ("yolox", False), ("yolox", True)])
@pytest.mark.parametrize("storage", ["f32", "f16"])
def test_yolo(drv, mode, flattened, storage):
    check_yolo(mode, flattened, storage)


@pytest.mark.parametrize("centre_size", [False, True])
def test_dist2bbox(drv, centre_size):
    check_dist2bbox(centre_size)


def test_the_grid_has_centres_and_strides():
    assert cell_grid([(1, 2), (1, 1)]).T.tolist() == [[0.5, 0.5, 8], [1.5, 0.5, 8], [0.5, 0.5, 16]]


def test_check_mode_is_silent(drv):
    with checked():
        check_yolo("yolov5")
        check_dist2bbox(True)
