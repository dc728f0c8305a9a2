"""preproc.cu against NumPy."""

import numpy as np
import pytest
from kernel_testing import EPS, Raw, Tensor, assert_close, checked, run

from cuda_ops.preproc import Preproc, preproc

pytestmark = pytest.mark.emulator
rng = np.random.default_rng(0)
MEAN, STD, FILL = (123.7, 116.3, 103.5), (58.4, 57.1, 57.4), (-1.0, 0.5, 2.0)


def check(channels_last, reverse, dtype, pads=(0, 0, 0, 0), storage="f32"):
    x = rng.integers(0, 256, (2, 5, 7, 3)).astype(np.uint8 if dtype == "u8" else np.float32)
    x = x if channels_last else np.ascontiguousarray(x.transpose(0, 3, 1, 2))
    p = Preproc(2, 3, 5, 7, MEAN, STD, FILL, pads, channels_last, reverse, dtype)
    y = Tensor((2, 3, *p.out), storage)
    run(preproc(p, Raw(x), y), storage=storage)
    first = x.transpose(0, 3, 1, 2) if channels_last else x
    first = first[:, ::-1] if reverse else first
    mean, std, fill = (np.float32(v).astype(np.float64).reshape(3, 1, 1) for v in (MEAN, STD, FILL))
    want = np.broadcast_to(fill, y.read().shape).copy()
    want[:, :, pads[0] : pads[0] + 5, pads[2] : pads[2] + 7] = (first.astype(np.float64) - mean) / std
    # the difference is rounded once (at most 256 wide), the quotient once
    assert_close(y.read(), want, EPS * (256 / std.min() + np.abs(want)), storage)


@pytest.mark.parametrize("dtype", ["u8", "stored"])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("channels_last", [False, True])
def test_layouts(drv, channels_last, reverse, dtype):
    check(channels_last, reverse, dtype, (1, 2, 3, 0))


@pytest.mark.parametrize("storage", ["f16", "bf16"])
def test_storage(drv, storage):
    check(True, True, "u8", storage=storage)


def test_wrong_constants_are_told():
    with pytest.raises(ValueError, match="3 values each"):
        preproc(Preproc(1, 3, 4, 4, (0, 0), (1, 1), (0, 0)), None, None)


def test_check_mode_is_silent(drv):
    with checked():
        check(True, True, "u8", (1, 2, 3, 0))
