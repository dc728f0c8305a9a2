"""The convolution by Winograd's method, and engines with and without it."""

import numpy as np
import pytest

from cpu_ops.library import library
from cuda_ops.errors import KernelError
from workbench import build_engine, open_engine
from workbench.engines import openvino_winograd
from workbench.engines.openvino_winograd import faster, use_winograd

torch = pytest.importorskip("torch")
ACTS = {"": lambda x: x, "relu": torch.relu, "swish": torch.nn.functional.silu, "abs": torch.abs}
CONFIG = """[input]  refname=X shape=1,24,30,41 dtype=f32
[conv2d] channel=33 kernel=3 pad=1 act=silu
[conv2d] channel=40 kernel=3 pad=1 act=relu weight_order=w refname=Y
[output] refname=Y
"""


@pytest.fixture
def made():
    try:
        return library()
    except KernelError as error:
        pytest.skip(str(error))


def network(x, kernel, bias, pads, dilation, act):
    import openvino
    import openvino.opset15 as ov

    feed = ov.parameter(x.shape, np.float32)
    y = ov.convolution(feed, kernel, [1, 1], pads[:2], pads[2:], [dilation, dilation])
    y = y if bias is None else ov.add(y, bias.reshape(1, -1, 1, 1))
    return openvino.Model([getattr(ov, act)(y) if act else y], [feed], "one convolution")


@pytest.mark.parametrize(("batch", "channels", "out", "height", "width", "dilation", "pads", "act"), [
    (1, 16, 16, 8, 8, 1, (1, 1, 1, 1), ""),
    (2, 51, 51, 13, 7, 1, (1, 1, 1, 1), "swish"),  # channels that fill no whole vectors
    (1, 3, 5, 9, 30, 2, (2, 2, 2, 2), "relu"),
    (3, 33, 70, 17, 19, 3, (0, 1, 5, 2), "abs"),  # an activation that OpenVINO keeps
    (1, 256, 64, 20, 20, 1, (1, 1, 1, 1), "swish"),
    (1, 16, 31, 3, 3, 1, (0, 0, 0, 0), ""),
    (1, 16, 16, 1, 1, 1, (1, 1, 1, 1), ""),  # smaller than its padding
])  # fmt: skip
def test_equals_the_plain_sum(made, monkeypatch, batch, channels, out, height, width, dilation, pads, act):
    """Within the 16 units in the last place of the range that every layer is allowed, whatever the threads."""
    import openvino

    monkeypatch.setattr(openvino_winograd, "faster", lambda *_: True)
    rng = np.random.default_rng(0)
    x = rng.standard_normal((batch, channels, height, width), np.float32)
    kernel = (rng.standard_normal((out, channels, 3, 3)) / np.sqrt(9 * channels)).astype(np.float32)
    bias = rng.standard_normal(out, np.float32) if act else None
    model = network(x, kernel, bias, pads, dilation, act)
    use_winograd(model)
    kinds = [node.get_type_name() for node in model.get_ops()]
    assert "Winograd" in kinds and "Convolution" not in kinds and ("Abs" in kinds) == (act == "abs")
    got, again = (
        openvino.Core().compile_model(
            model, "CPU", {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": str(threads)}
        )([x])[0]
        for threads in (1, 2)
    )
    top, left, bottom, right = pads
    padded = torch.nn.functional.pad(torch.from_numpy(x).double(), (left, right, top, bottom))
    exact = torch.conv2d(
        padded,
        torch.from_numpy(kernel).double(),
        None if bias is None else torch.from_numpy(bias).double(),
        dilation=dilation,
    )
    want = ACTS[act](exact).numpy()
    assert got.shape == want.shape
    assert np.abs(got - want).max() <= 16 * 2.0**-23 * np.ptp(want)
    np.testing.assert_array_equal(got, again)


def test_nan_is_not_hidden(made, monkeypatch):
    import openvino

    monkeypatch.setattr(openvino_winograd, "faster", lambda *_: True)
    x = np.zeros((1, 16, 12, 12), np.float32)
    x[0, 3, 1, 1] = np.nan
    for act in ("relu", "swish"):
        model = network(x, np.ones((16, 16, 3, 3), np.float32), np.ones(16, np.float32), (1, 1, 1, 1), 1, act)
        use_winograd(model)
        y = openvino.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})([x])[0]
        assert np.isnan(y[0, :, :3, :3]).all() and np.isfinite(y[0, :, 4:, 4:]).all()


@pytest.mark.parametrize(("shape", "worth_it"), [
    ((1, 64, 80, 80, 64, 1), True),
    ((1, 16, 160, 160, 16, 1), True),
    ((1, 8, 181, 181, 8, 1), False),  # half of every vector is empty
    ((1, 16, 320, 320, 3, 1), False),  # the transforms of a picture take longer than three channels' products
    ((1, 256, 8, 8, 256, 1), False),  # the kernel is four times as long to read
    ((1, 256, 65, 65, 2048, 12), False),  # and too large to stay in a cache
    ((1, 512, 65, 65, 512, 2), True),
    ((1, 512, 65, 65, 512, 4), False),  # 28 MB more, for too small a gain
    ((1, 256, 65, 65, 256, 36), False),  # tiles of mostly padding
])  # fmt: skip
def test_where_it_is_used(shape, worth_it):
    assert faster(*shape) == worth_it


def test_engine_files_with_and_without(made, monkeypatch, tmp_path):
    """Without a compiler the plain convolution runs, and an engine file from a machine with one is compiled again."""
    config = tmp_path / "x.cfg"
    config.write_text(CONFIG)
    rng = np.random.default_rng(0)
    weights = rng.standard_normal(24 * 33 * 9 + 33 + 33 * 40 * 9).astype(np.float32) / 16
    feeds = {"X": rng.standard_normal((1, 24, 30, 41), np.float32)}
    path = tmp_path / "x.engine"
    monkeypatch.setenv("WORKBENCH_CPU_OPS", "0")
    with build_engine(config, {}, weights) as engine:
        plain = engine.run(feeds)["Y"]
    monkeypatch.delenv("WORKBENCH_CPU_OPS")
    with build_engine(config, {}, weights, engine_file=path) as engine:
        built = engine.run(feeds)["Y"]
    with open_engine(path) as engine:
        opened, note = engine.run(feeds)["Y"], engine.note
    assert note == f"opened {path}"
    np.testing.assert_array_equal(built, opened)
    assert 0 < np.abs(built - plain).max() <= 16 * 2.0**-23 * np.ptp(plain)

    monkeypatch.setenv("CXX", "no-such-compiler")
    with open_engine(path) as engine:
        assert "again: machine changed" in engine.note
        np.testing.assert_array_equal(engine.run(feeds)["Y"], plain)
