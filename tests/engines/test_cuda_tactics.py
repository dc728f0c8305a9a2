"""Alternatives of one step: which can run here; each is tried and compared with the first; what comes of the others."""

import ctypes
import math

import numpy as np
import pytest
import torch
from network_testing import network, random_feeds

from cuda_ops.conv2d import Conv2d, conv2d
from cuda_ops.errors import KernelError
from cuda_ops.launch import ACTS, TENSOR_CORES
from cuda_ops.libraries.shapes import ConvolutionShape, ProductShape
from workbench.compare.verdict import error, tolerance
from workbench.engines.cuda import driver, tactics
from workbench.engines.cuda.driver import Device
from workbench.engines.cuda.engine import EmulatorEngine
from workbench.engines.cuda.tactics import runs_here
from workbench.engines.reference import ReferenceEngine

pytestmark = pytest.mark.emulator


@pytest.fixture(scope="module")
def digits():
    graph, weights, _ = network("digits")
    feeds = random_feeds(graph, np.random.default_rng(1), 2)
    exact = ReferenceEngine(graph, weights, precision="f64").run(feeds)["PROBABILITY"]
    noise = error(ReferenceEngine(graph, weights).run(feeds)["PROBABILITY"], exact)
    return graph, weights, feeds, exact, noise


def test_every_tactic_is_tried_and_one_of_each_step_chosen():
    graph, weights, _ = network("digits")
    feeds = random_feeds(graph, np.random.default_rng(1), 2)
    with EmulatorEngine.build(graph, weights, tunes=True) as engine, EmulatorEngine.build(graph, weights) as plain:
        chosen = [t for t in engine.trials if t.verdict == "chosen"]
        assert [t.line.split()[1] for t in chosen] == ["conv2d", "conv2d", "dense"]
        assert len(engine.trials) == 3 + 3 + 4 and all(t.ms > 0 for t in engine.trials)
        want, got = plain.run(feeds)["PROBABILITY"], engine.run(feeds)["PROBABILITY"]
        assert error(got, want) <= tolerance(0.0)


def test_a_tactic_that_disagrees_is_rejected(monkeypatch):
    """The second kernel of a dense layer is broken: it computes without the bias."""
    from cuda_ops import matmul

    right = matmul.matmul

    def broken(*args, bias=None, **options):
        return [right(*args, bias=bias, **options)[0], right(*args, bias=None, **options)[1]]

    monkeypatch.setattr(matmul, "matmul", broken)
    graph, weights, _ = network("digits")
    with EmulatorEngine.build(graph, weights, tunes=True) as engine:
        first, second = [t for t in engine.trials if " dense " in t.line]
    assert first.verdict == "chosen"
    assert second.verdict.startswith("rejected: ") and "from the first" in second.verdict and second.error > 1e-3


# ---- tensor cores

LAUNCHES = conv2d(Conv2d(1, 8, 8, 8, 8, (3, 3)), "x", "w", "b", "y", plain=("w", "b"))
NAMES = ["tile"] * 3 + ["tensor"] * 3 + ["library", "library on tensor cores"]


@pytest.mark.parametrize(
    "storage, tf32, capability, usable",
    [
        ("f32", False, (9, 0), {"tile", "library"}),
        ("f32", True, (9, 0), {"tile", "tensor", "library on tensor cores"}),
        ("f32", True, (7, 5), {"tile", "library on tensor cores"}),
        ("f16", False, (7, 5), {"tile", "tensor", "library on tensor cores"}),
        ("f16", False, (6, 1), {"tile", "library on tensor cores"}),
        ("bf16", False, (7, 5), {"tile", "library on tensor cores"}),
        ("bf16", False, (8, 9), {"tile", "tensor", "library on tensor cores"}),
    ],
)
def test_what_can_run_on_a_device(storage, tf32, capability, usable):
    """Its capability decides, and float32 stays float32 unless TF32 is asked for."""
    device = type("Gpu", (), {"capability": capability, "libraries": ("cudnn",)})
    runs = {name for name, launch in zip(NAMES, LAUNCHES, strict=True) if runs_here(launch, storage, device, tf32)}
    assert runs == usable and storage in TENSOR_CORES
    bare = type("Gpu", (), {"capability": capability, "libraries": ()})
    assert not any(runs_here(launch, storage, bare, tf32) for launch in LAUNCHES[-2:])


@pytest.mark.parametrize("precision", ["f32", "tf32", "f16", "bf16"])
def test_tensor_cores_are_tried_where_the_precision_allows_them(digits, precision):
    graph, weights, feeds, exact, noise = digits
    with EmulatorEngine.build(graph, weights, precision=precision, tunes=True) as engine:
        on_tensor_cores = [t for t in engine.trials if "on tensor cores" in t.kernel]
        assert len(on_tensor_cores) == (0 if precision == "f32" else 9)
        assert not any(t.verdict.startswith("rejected") for t in engine.trials)
        assert error(engine.run(feeds)["PROBABILITY"], exact) <= tolerance(noise, precision)


def test_tf32_rounds_the_factors(digits, monkeypatch):
    """Where tensor cores are taken, the result is as far off as TF32 is, more than float32's tolerance allows."""
    graph, weights, feeds, exact, noise = digits
    run = tactics._run

    def as_if_fastest(step, number, *more):
        return run(step, number, *more)[0], 0.0 if step.launches()[number].tensor_cores else 1.0

    monkeypatch.setattr(tactics, "_run", as_if_fastest)
    with EmulatorEngine.build(graph, weights, precision="tf32", tunes=True) as engine:
        off = error(engine.run(feeds)["PROBABILITY"], exact)
    assert tolerance(noise) < off <= tolerance(noise, "tf32")


# ---- libraries; in their place a host function, since the emulator's memory is the host's


def at(pointer, shape, steps=None):
    """The float32 array at an address."""
    flat = np.ctypeslib.as_array(ctypes.cast(pointer, ctypes.POINTER(ctypes.c_float)), (math.prod(shape),))
    return torch.from_numpy(flat.reshape(shape))


def convolution(args, wrong):
    x, w, bias, residual, y = args[:5]
    s = ConvolutionShape(*args[5:])
    out = (s.batch, s.out_channels, s.out_h, s.out_w)
    padded = torch.nn.functional.pad(at(x, (s.batch, s.channels, s.height, s.width)),
                                     (s.pad_left, s.pad_right, s.pad_top, s.pad_bottom))  # fmt: skip
    kernel = at(w, (s.out_channels, s.channels // s.groups, s.kernel_h, s.kernel_w))
    added = at(bias, (s.out_channels,)) if bias and not wrong else None
    step, apart = (s.stride_h, s.stride_w), (s.dilation_h, s.dilation_w)
    result = torch.conv2d(padded, kernel, added, step, 0, apart, s.groups)
    assert not residual and s.add == 0
    at(y, out).copy_(result.relu() if s.act == ACTS["relu"] else result)


def product(args, wrong):
    a, b, bias, residual, y = args[:5]
    s = ProductShape(*args[5:])
    assert (s.batch, s.a_transposed, s.b_transposed, s.a_row, s.b_row) == (1, 0, 1, s.depth, s.depth) and not residual
    result = s.scale * at(a, (s.rows, s.depth)) @ at(b, (s.columns, s.depth)).T
    result = result + at(bias, (s.columns,)) if bias and not wrong else result
    at(y, (s.rows, s.columns)).copy_(result.relu() if s.act == ACTS["relu"] else result)


class Library:
    """The function of a library's launches: right, wrong, or without a way to compute what is asked."""

    def __init__(self, source, how):
        self.compute, self.how = {"cudnn": convolution, "cublaslt": product}[source], how

    def prepared_async_call(self, grid, block, stream, *args, shared_size=0):
        if self.how == "refuses":
            raise KernelError("has no engine for this")
        self.compute(args, self.how == "wrong")


@pytest.fixture
def library(monkeypatch):
    """Both libraries on the emulator, doing so."""

    def install(how):
        monkeypatch.setattr(Device, "libraries", ("cudnn", "cublaslt"))
        monkeypatch.setattr(driver, "library_function", lambda source, *_: Library(source, how))

    return install


def test_a_library_that_is_right_and_fastest_is_chosen_and_kept(library, digits, tmp_path):
    """The emulator is slow enough. The engine file records the choice, opens with it, and holds no other's weights."""
    library("right")
    graph, weights, feeds, exact, noise = digits
    with EmulatorEngine.build(graph, weights, tunes=True) as engine:
        chosen = [t.kernel for t in engine.trials if t.verdict == "chosen"]
        assert chosen == ["cudnn conv2d", "cudnn conv2d", "cublaslt matmul"]
        assert error(engine.run(feeds)["PROBABILITY"], exact) <= tolerance(noise)
        used = {r.constant for r in engine.program(1).roots if r.constant}
        held = EmulatorEngine.open(engine.blob(), (engine.inputs, engine.outputs), "f32", None, lambda: None)
        assert used == set(engine._constants) and held.trials == engine.trials
        one = {"IMAGE": feeds["IMAGE"][:1]}
        np.testing.assert_array_equal(held.run(one)["PROBABILITY"], engine.run(one)["PROBABILITY"])
        assert "cudnn conv2d" not in {k.source for k in engine._modules()} and engine._runner.bytes > 32 << 20


@pytest.mark.parametrize("how, why", [("wrong", "from the first"), ("refuses", "has no engine for this")])
def test_a_library_that_is_wrong_or_refuses_is_rejected_with_a_report(library, digits, how, why):
    library(how)
    graph, weights, feeds, exact, noise = digits
    with EmulatorEngine.build(graph, weights, tunes=True) as engine:
        theirs = [t for t in engine.trials if t.kernel in ("cudnn conv2d", "cublaslt matmul")]
        assert engine._runner.bytes < 32 << 20, "the libraries' workspace is given back"
        assert len(theirs) == 3 and all(t.verdict.startswith("rejected: ") and why in t.verdict for t in theirs)
        assert error(engine.run(feeds)["PROBABILITY"], exact) <= tolerance(noise)
