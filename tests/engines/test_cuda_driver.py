"""What the cuda engine says of a machine that lacks something, and CUDA graphs, by stand-ins for the libraries."""

import builtins
import sys
import types
from enum import IntEnum

import numpy as np
import pytest

from cuda_ops.errors import KernelError
from workbench.engines.cuda import driver
from workbench.engines.cuda.driver import Device, load_driver
from workbench.engines.cuda.graphs import CudaGraph, load_bindings
from workbench.engines.cuda.program import Kernel
from workbench.engines.cuda.tactics import tolerance
from workbench.errors import WorkbenchError

KERNEL = Kernel("softmax", "f32", (), "softmax_rows")


class Error(Exception):
    """The base of a driver's errors."""


class FakeDriver(types.ModuleType):
    """pycuda.driver on a machine where `fails` says in these words what goes wrong."""

    Error = Error

    def __init__(self, **fails):
        super().__init__("pycuda.driver")
        self.fails = fails

    def _do(self, name, value=None):
        if name in self.fails:
            raise Error(self.fails[name])
        return value

    def init(self):
        self._do("init")

    def Device(self, number):
        context = types.SimpleNamespace(push=lambda: None)
        return types.SimpleNamespace(retain_primary_context=lambda: context, compute_capability=lambda: (9, 0))

    def module_from_buffer(self, image):
        return self._do("module_from_buffer")


@pytest.fixture
def fake(monkeypatch):
    def install(**fails):
        fake = FakeDriver(**fails)
        monkeypatch.setattr(driver, "load_driver", lambda engine: fake)
        return fake

    return install


def hide(monkeypatch, name, error):
    """Importing `name` raises this."""
    real = builtins.__import__

    def without(module, *args, **kwargs):
        if module.split(".")[0] == name:
            raise error
        return real(module, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    for module in [m for m in sys.modules if m.split(".")[0] == name]:
        monkeypatch.delitem(sys.modules, module)


def test_a_missing_pycuda_is_told(monkeypatch):
    hide(monkeypatch, "pycuda", ModuleNotFoundError("No module named 'pycuda'", name="pycuda"))
    with pytest.raises(WorkbenchError, match=r"(?s)needs the package pycuda.*pip install pycuda"):
        load_driver("cuda")


def test_a_missing_nvidia_driver_is_told(monkeypatch):
    missing = ImportError("libcuda.so.1: cannot open shared object file: No such file or directory")
    hide(monkeypatch, "pycuda", missing)
    with pytest.raises(WorkbenchError, match=r"(?s)cannot load the NVIDIA driver: libcuda.so.1.*nvidia-smi"):
        load_driver("cuda")


def test_a_missing_gpu_is_told(fake):
    fake(init="cuInit failed: no CUDA-capable device is detected")
    with pytest.raises(WorkbenchError, match=r"(?s)no NVIDIA GPU can be used: cuInit failed.*engine=emulator"):
        Device("cuda")


def test_a_driver_older_than_the_ptx_is_told(fake, monkeypatch):
    fake(module_from_buffer="cuModuleLoadDataEx failed: the provided PTX was compiled with an unsupported toolchain.")
    monkeypatch.setattr(driver, "kernel_image", lambda *_: b"ptx")
    with pytest.raises(WorkbenchError, match=r"(?s)softmax_rows of softmax.*unsupported toolchain.*update the driver"):
        Device("cuda").function(KERNEL, "PPii")


def test_a_missing_compiler_is_told(fake, monkeypatch):
    fake()

    def missing(*_):
        raise KernelError(
            "no CUDA compiler: neither nvcc nor NVRTC is there", "softmax.cu", "pip install nvidia-cuda-nvrtc"
        )

    monkeypatch.setattr(driver, "kernel_image", missing)
    with pytest.raises(WorkbenchError, match=r"(?s)softmax.cu no CUDA compiler.*pip install nvidia-cuda-nvrtc"):
        Device("cuda").image(KERNEL)


def test_images_of_an_engine_file_need_no_compiler(fake, monkeypatch):
    fake()
    monkeypatch.setattr(driver, "kernel_image", lambda *_: pytest.fail("compiled"))
    device = Device("cuda")
    device.take_images({KERNEL._replace(function=""): b"fatbin"})
    assert device.image(KERNEL) == b"fatbin"


# ---- graphs


class Code(IntEnum):
    OK = 0
    FAILED = 901


class FakeBindings:
    """cuda.bindings.driver that writes down its calls; `fails` names one that does not succeed."""

    class CUstreamCaptureMode:
        CU_STREAM_CAPTURE_MODE_THREAD_LOCAL = 1

    def __init__(self, fails=""):
        self.calls, self.fails = [], fails

    def CUstream(self, handle):
        return handle

    def cuGetErrorString(self, code):
        return Code.OK, b"operation failed due to a previous error during capture"

    def __getattr__(self, name):
        def call(*args):
            self.calls.append(name)
            return (Code.FAILED if name == self.fails else Code.OK), *[name] * (name in GIVE)

        return call


GIVE = ("cuStreamEndCapture", "cuGraphInstantiate")
CAPTURE = ["cuStreamBeginCapture", "queued", "cuStreamEndCapture", "cuGraphInstantiate", "cuGraphDestroy"]


def test_a_graph_is_captured_once_and_started_by_one_call():
    bindings = FakeBindings()
    graph = CudaGraph(bindings, 7, lambda: bindings.calls.append("queued"))
    assert bindings.calls == CAPTURE
    graph.replay()
    graph.replay()
    graph.free()
    assert bindings.calls[len(CAPTURE) :] == ["cuGraphLaunch", "cuGraphLaunch", "cuGraphExecDestroy"]


@pytest.mark.parametrize("fails", ["cuStreamBeginCapture", "cuStreamEndCapture", "cuGraphInstantiate"])
def test_a_capture_that_fails_is_told_and_leaves_no_graph(fails):
    bindings = FakeBindings(fails)
    with pytest.raises(WorkbenchError, match=f"no CUDA graph: {fails}: operation failed"):
        CudaGraph(bindings, 7, lambda: None)
    assert ("cuGraphDestroy" in bindings.calls) == (fails == "cuGraphInstantiate")


def test_without_the_package_there_are_no_graphs(monkeypatch):
    hide(monkeypatch, "cuda", ImportError("no cuda"))
    assert load_bindings() is None


@pytest.mark.parametrize("terms", [9, 576, 4608])
def test_what_tactics_may_differ_by_covers_orders_of_summing(terms):
    """Sums of random products in float32, in two orders, against the derived bound; which is not 40 times wider."""
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, terms, 4000), np.float32)
    products = a * b
    forward, backward = np.zeros(4000, np.float32), np.zeros(4000, np.float32)
    for i in range(terms):
        forward += products[i]
        backward += products[terms - 1 - i]
    off = np.abs(forward - backward).max() / np.abs(forward).max()
    assert off <= tolerance(terms, "f32") <= 40 * off
