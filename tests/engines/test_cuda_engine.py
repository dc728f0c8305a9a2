"""The cuda engine on the emulator: whole networks, precisions, batches, feeds in device memory, checks, and what goes
wrong. Pictures are small, since the emulator is slow."""

import gc
import threading

import numpy as np
import pytest
import torch
from network_testing import network

from cuda_ops.emulator import configure
from cuda_ops.emulator.memory import mem_get_info
from workbench import Session, build_engine, open_engine
from workbench.compare.verdict import error, tolerance
from workbench.config.parse import parse_config
from workbench.engines.cuda import dlpack
from workbench.engines.cuda.engine import EmulatorEngine
from workbench.engines.cuda.feeds import DeviceArray
from workbench.engines.reference import ReferenceEngine
from workbench.errors import WorkbenchError
from workbench.ports import get_port
from workbench.shapes import infer
from workbench.soynet import feedData, freeSoyNet, getOutput, inference, initSoyNet

pytestmark = pytest.mark.emulator

PART = get_port("digits").part()
DIGITS = (PART.config_path, PART.params, PART.weights_path)
FEEDS = PART.feeds()
SMALL = {
    "digits": {},
    "inception_resnet_v2": {"SIZE": "96,96", "CLASSES": 10},
    "deeplabv3_r50": {"RE_SIZE": "64,64"},
    "yolov5n": {"RE_SIZE": "64,64"},
    "yolov8_pose": {"RE_SIZE": "64,64"},
    "yolov8_seg": {"RE_SIZE": "64,64"},
    "yolox_tiny_text": {"RE_SIZE": "64,96", "BATCH_SIZE": 2},
    "mobile_sam_decoder": {},
    "mobile_sam_mask": {},
    "mobile_sam_box": {},
    "mobile_sam_no_box": {},
    "mobile_sam_no_mask": {},
    "mobile_sam_forward_point": {},
}


@pytest.fixture
def digits(tmp_path):
    with build_engine(*DIGITS, engine="emulator", engine_file=tmp_path / "digits.engine") as engine:
        yield engine


def wanted(graph, weights, feeds, taps=()):
    """The reference's outputs, and how far float32 is from float64 in each."""
    want = ReferenceEngine(graph, weights, taps=taps).run(feeds, check=False)
    exact = ReferenceEngine(graph, weights, precision="f64", taps=taps).run(feeds, check=False)
    return want, {name: error(r, exact[name]) for name, r in want.items()}


@pytest.mark.parametrize("name", SMALL)
def test_networks_agree_with_the_reference(name):
    """Every output, and on the way every tensor, each within its tolerance; and tapped or not, the outputs are equal to
    the noise."""
    graph, weights, feeds = network(name, **SMALL[name])
    taps = [t for node in graph.body for t in node.outputs if graph.specs[t].shape[:1] != (-1,)]
    want, noise = wanted(graph, weights, feeds, taps)
    for given in ((), taps):
        with EmulatorEngine.build(graph, weights, taps=given) as engine:
            got = engine.run(feeds)
        assert got.keys() == set(given) | set(graph.outputs)
        wrong = {n: error(x, want[n]) for n, x in got.items() if error(x, want[n]) > tolerance(noise[n])}
        assert not wrong


@pytest.mark.slow
def test_the_largest_network_agrees_with_the_reference():
    """Mobile-SAM's image encoder, a picture of 1024 x 1024, whole: some minutes."""
    graph, weights, feeds = network("mobile_sam_image_encoder")
    want, noise = wanted(graph, weights, feeds)
    with configure(time_limit=600), EmulatorEngine.build(graph, weights) as engine:
        got = engine.run(feeds)
    assert all(error(got[n], want[n]) <= tolerance(noise[n]) for n in want)


@pytest.mark.parametrize("precision", ["f16", "bf16"])
@pytest.mark.parametrize("name", ["digits", "yolox_tiny_text", "mobile_sam_decoder"])
def test_half_precision(name, precision):
    graph, weights, feeds = network(name, **SMALL[name])
    want, noise = wanted(graph, weights, feeds)
    with EmulatorEngine.build(graph, weights, precision=precision) as engine:
        got = engine.run(feeds)
        assert all(got[n].dtype == np.float32 and not np.array_equal(got[n], want[n]) for n in got)
        assert all(error(got[n], want[n]) <= tolerance(noise[n], precision) for n in got)


@pytest.mark.parametrize("name", ["digits", "yolox_tiny_text", "yolov8_seg", "mobile_sam_box"])
def test_check_mode_is_silent(name):
    """Each tensor has memory of its own there, so that nothing is read past an end or before it is written."""
    small = {"yolox_tiny_text": {"RE_SIZE": "32,32"}, "yolov8_seg": {"RE_SIZE": "32,32"}}
    graph, weights, feeds = network(name, **small.get(name, SMALL[name]))
    with configure(mode="check"), EmulatorEngine.build(graph, weights) as engine:
        checked = engine.run(feeds)
    with EmulatorEngine.build(graph, weights) as engine:
        plain = engine.run(feeds)
    _, noise = wanted(graph, weights, feeds)
    assert all(error(checked[n], plain[n]) <= tolerance(noise[n]) for n in plain)  # compiled otherwise: other roundings


def test_an_open_batch_is_planned_for_every_batch_that_comes(digits):
    whole = digits.run(FEEDS)["PROBABILITY"]
    one_by_one = [digits.run(FEEDS["IMAGE"][i : i + 1])["PROBABILITY"] for i in range(3)]
    np.testing.assert_allclose(np.concatenate(one_by_one), whole[:3], atol=1e-6)
    used = digits._runner.bytes
    np.testing.assert_array_equal(digits.run(FEEDS)["PROBABILITY"], whole)
    assert digits._runner.bytes == used, "a plan that is there is not made again"
    assert digits.program(20).arena > digits.program(1).arena
    assert digits.run(FEEDS["IMAGE"][:0])["PROBABILITY"].shape == (0, 10)


def test_the_engine_file_holds_the_plan_and_the_packed_weights(digits, tmp_path, monkeypatch):
    want = digits.run(FEEDS["IMAGE"][:1])["PROBABILITY"]
    digits.close()
    monkeypatch.setattr("workbench.engines.cuda.engine.lower", lambda *_: pytest.fail("planned again"))
    with open_engine(tmp_path / "digits.engine") as opened:
        np.testing.assert_array_equal(opened.run(FEEDS["IMAGE"][:1])["PROBABILITY"], want)
        assert [r.name for r in opened.memory_plan()] == [r.name for r in digits.memory_plan()]
    monkeypatch.undo()
    with open_engine(tmp_path / "digits.engine") as opened:  # another batch is planned from the file's own config
        assert opened.run(FEEDS)["PROBABILITY"].shape == (20, 10)


def test_session_checks_and_builds_on_the_emulator():
    session = Session.of_port("digits", engine="emulator")
    report = session.check()
    assert report.passed and "emulator" in report.summary()
    assert all(line.isolated.engine.error <= line.isolated.tolerance for line in report.lines if line.isolated)
    wrong = [line.replace("stride=2 pad=1", "stride=2 pad=0,1,0,1") for line in session.document.text.splitlines()]
    broken = Session.of_port("digits", config="\n".join(wrong), engine="emulator").check()
    assert not broken.passed and broken.first_bad.node.tag == "conv2d"


def test_threads_share_an_engine(digits):
    want = digits.run(FEEDS)["PROBABILITY"]
    got = [None] * 20

    def work(first):
        for i in range(first, 20, 4):
            got[i] = digits.run(FEEDS["IMAGE"][i : i + 1])["PROBABILITY"]

    workers = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for w in workers:
        w.start()
    for w in workers:
        w.join()
    np.testing.assert_allclose(np.concatenate(got), want, atol=1e-6)


# ---- device memory


def on_device(engine, array):
    device = engine._runner.device
    with device.current() as drv:
        copy = DeviceArray.empty(device, array.shape, array.dtype)
        drv.memcpy_htod(copy.pointer, array)
    return copy


class ByInterface:
    """As CuPy's arrays: nothing but __cuda_array_interface__."""

    def __init__(self, array, **changes):
        self.__cuda_array_interface__ = {**array.__cuda_array_interface__, **changes}


@pytest.mark.parametrize("wrap", [lambda a: a, ByInterface, lambda a: ByInterface(a, stream=7)])
def test_feeds_in_device_memory_are_read_where_they_lie(digits, wrap, monkeypatch):
    want, feed = digits.run(FEEDS)["PROBABILITY"], on_device(digits, FEEDS["IMAGE"])
    monkeypatch.setattr(digits._runner.device.drv, "memcpy_htod_async", lambda *_: pytest.fail("copied"))
    np.testing.assert_array_equal(digits.run(wrap(feed))["PROBABILITY"], want)
    np.testing.assert_array_equal(digits.run_on_device(wrap(feed))["PROBABILITY"].numpy(), want)


def test_outputs_stay_on_the_device_and_go_on_without_a_copy(digits, monkeypatch):
    want = digits.run(FEEDS)["PROBABILITY"]
    y = digits.run_on_device(FEEDS)["PROBABILITY"]
    for view in (np.from_dlpack(y), torch.from_dlpack(y).numpy()):  # the emulator's memory is the host's
        np.testing.assert_array_equal(view, want)
        assert view.ctypes.data == y.pointer
    out = on_device(digits, np.zeros_like(want))
    with monkeypatch.context() as patched:
        patched.setattr(digits._runner.device.drv, "memcpy_dtod_async", lambda *_: pytest.fail("copied"))
        assert digits.run_on_device(FEEDS, {"PROBABILITY": ByInterface(out)})["PROBABILITY"].pointer == out.pointer
    np.testing.assert_array_equal(out.numpy(), want)
    np.testing.assert_array_equal(digits.run(FEEDS)["PROBABILITY"], want)


def test_exported_memory_lives_as_long_as_its_consumer(digits):
    y = digits.run_on_device(FEEDS)["PROBABILITY"]
    want, tensor = y.numpy(), torch.from_dlpack(y)
    unused = y.__dlpack__()
    del y, unused
    gc.collect()
    np.testing.assert_array_equal(tensor.numpy(), want)
    assert len(dlpack._alive) == 1
    del tensor
    gc.collect()
    assert not dlpack._alive


class OnGpu:
    """A tensor that says by DLPack where it lies."""

    def __init__(self, kind, number):
        self.where = kind, number

    def __dlpack_device__(self):
        return self.where


@pytest.mark.parametrize(
    "feed, says",
    [
        (lambda x: OnGpu(2, 0), "in a GPU's memory; the emulator has none.*x.cpu()"),
        (lambda x: OnGpu(10, 0), r"DLPack type 10\) is not one of NVIDIA's"),
        (lambda x: ByInterface(x, strides=(1, 2, 3, 4)), r"gaps or another order in memory: strides \[1, 2, 3, 4\]"),
        (lambda x: ByInterface(x, typestr="<f4"), r"expected u8\[-1,8,8,1\]; got float32"),
        (lambda x: ByInterface(x, shape=(20, 8, 8)), "got uint8"),
    ],
)
def test_wrong_feeds_on_the_device_are_told(digits, feed, says):
    with pytest.raises(WorkbenchError, match=f"(?s){says}"):
        digits.run({"IMAGE": feed(on_device(digits, FEEDS["IMAGE"]))})


def test_a_feed_of_another_device_is_told(digits):
    feed = on_device(digits, FEEDS["IMAGE"])
    feed.device = type("Other", (), {"engine": "emulator", "number": 1})()
    with pytest.raises(WorkbenchError, match=r"(?s)on GPU 1; the engine is on GPU 0.*cuda:0"):
        digits.run(feed)


def test_wrong_places_for_outputs_are_told(digits):
    with pytest.raises(WorkbenchError, match="no output is named 'Y'"):
        digits.run_on_device(FEEDS, {"Y": on_device(digits, np.zeros(3, np.float32))})
    with pytest.raises(WorkbenchError, match=r"expected float32\[20, 10\] on the device; got float32\[3\]"):
        digits.run_on_device(FEEDS, {"PROBABILITY": on_device(digits, np.zeros(3, np.float32))})
    with pytest.raises(WorkbenchError, match="in host memory"):
        digits.run_on_device(FEEDS, {"PROBABILITY": np.zeros((20, 10), np.float32)})


# ---- times


def test_times_name_every_call(digits):
    times = digits.times(FEEDS, repeats=3)
    assert [t.kernel for t in times] == [c.kernel.function for c in digits.program(20).calls]
    assert all(t.ms > 0 for t in times) and "digits.cfg:10" in times[0].line


# ---- what goes wrong


def test_out_of_memory_tells_the_plan_and_leaks_nothing():
    graph, weights, feeds = network("yolox_tiny_text", RE_SIZE="64,64")
    gc.collect()
    with EmulatorEngine.build(graph, weights) as engine:
        with engine._runner.device.current():
            free, total = mem_get_info()
        with configure(memory=total - free + (5 << 20)), pytest.raises(WorkbenchError) as told:
            engine.run(feeds)  # 5 MB more than now: some of the weights fit
        text = str(told.value)
        assert "out of device memory" in text and "MB for weights" in text and "the largest tensors: " in text
        with engine._runner.device.current():
            assert mem_get_info()[0] == free
        assert engine.run(feeds).keys() == {"BOXES", "SCORES"}  # with memory again, it runs


LAYER = "[input] refname=X shape=2,3 dtype=f32\n[softmax] refname=Y\n[output] refname=Y\n"


@pytest.fixture
def own_kernel(tmp_path, monkeypatch):
    """Softmax by a .cu file of one's own, with this body."""
    from cuda_ops.launch import Launch
    from workbench.layers.base import LAYERS

    def build(body):
        path = tmp_path / "own.cu"
        path.write_text(f'extern "C" __global__ void own(const float* x, float* y, int n) {{\n{body}\n}}\n')

        def cuda(self, plan, x, w):
            y = plan.output()
            return plan.run(Launch(str(path), "own", (1, 1, 1), (32, 1, 1), (x[0], y, y.count)), y)

        monkeypatch.setattr(LAYERS["softmax"], "cuda", cuda)
        graph = parse_config(LAYER).graph
        infer(graph)
        return EmulatorEngine.build(graph, {})

    return build


X = {"X": np.arange(6, dtype=np.float32).reshape(2, 3)}


def test_a_cu_file_of_ones_own_runs(own_kernel):
    with own_kernel("if (threadIdx.x < n) y[threadIdx.x] = 2 * x[threadIdx.x];") as engine:
        np.testing.assert_array_equal(engine.run(X)["Y"], 2 * X["X"])


@pytest.mark.parametrize(
    "body, says",
    [
        ("y[0] = wrong;", r"own\.cu:2 .*wrong"),
        ("y[1 << 24] = 0;", r"softmax.*kernel own failed.*|kernel own failed"),
        ("volatile int i = 0; while (i < n) {}", r"kernel own failed.*time limit"),
    ],
)
def test_kernels_that_do_not_compile_fault_or_hang_are_told(own_kernel, body, says):
    with configure(time_limit=0.5), own_kernel(body) as engine, pytest.raises(WorkbenchError, match=f"(?s){says}"):
        engine.run(X)


def test_open_batches_of_several_inputs_must_agree():
    text = "[input] refname=A shape=-1,3 dtype=f32\n[input] refname=B shape=-1,3 dtype=f32\n"
    with build_engine(
        f"{text}[eltwise] mode=add input=A,B refname=Y\n[output] refname=Y\n", engine="emulator"
    ) as engine:
        with pytest.raises(WorkbenchError, match="one batch size; got 1 and 2"):
            engine.run({"A": np.zeros((1, 3), np.float32), "B": np.zeros((2, 3), np.float32)})
        assert engine.run({"A": np.ones((4, 3), np.float32), "B": np.ones((4, 3), np.float32)})["Y"].sum() == 24


def test_client_programs_choose_the_engine_by_parameter(tmp_path):
    """SoyNet's five calls, a whole life."""
    config = tmp_path / "client.cfg"
    config.write_text(
        "[model] make_engine=1 engine_file=$ENGINE\n[input] refname=X shape=$BATCH_SIZE,3 dtype=f32\n"
        "[scale] scale=2 refname=Y\n[output] refname=Y\n"
    )
    parameters = f"BATCH_SIZE=2 ENGINE={tmp_path / 'client.engine'}"
    for _ in range(2):  # built, then opened from its file
        handle = initSoyNet(str(config), parameters, engine="emulator")
        x, y = np.arange(6, dtype=np.float32).reshape(2, 3), np.zeros((2, 3), np.float32)
        feedData(handle, 0, x)
        inference(handle)
        getOutput(handle, 0, y)
        freeSoyNet(handle)
        np.testing.assert_array_equal(y, 2 * x)
    with open_engine(tmp_path / "client.engine") as engine:
        assert engine.name == "emulator"
