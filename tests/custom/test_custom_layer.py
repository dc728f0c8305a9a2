"""A custom layer from its two files: checked, planted bugs found at their line, and run in configs."""

import re
import shutil

import numpy as np
import pytest

from cuda_ops.cxx import compiler
from workbench.config.dictionary import builtin
from workbench.config.parse import parse_config
from workbench.custom import CudaLayer, check, cuda_layer, load
from workbench.custom.source import Source
from workbench.engines.build import build_engine, open_engine
from workbench.errors import WorkbenchError
from workbench.layers.base import LAYERS, MODES

pytestmark = [
    pytest.mark.emulator,
    pytest.mark.skipif(not shutil.which(compiler()[0]), reason="the emulator needs g++"),
]

CLASS = '''
from workbench.custom import *

@cuda_layer("swiglu")
class SwiGLU(CudaLayer):
    """y = silu(min(gate, limit)) * x, a weight per channel."""
    arity = (2, 2)
    limit: float = key(7.0, doc="the gate is clipped to this")

    def weights(self, gate, x):
        return [("w", (x.shape[1],))]

    def infer(self, gate, x):
        return [x]

    def reference(self, torch, w, gate, x):
        return torch.nn.functional.silu(gate.clamp(max=self.limit)) * x * w["w"][:, None]

    def launches(self, x, y, w):
        channels, length = y[0].shape[1:]
        return self.flat("swiglu", y[0].count, *x, w["w"], *y, y[0].count, channels, length, self.limit)

    CASES = [Case("limit=0.5", [(2, 3, 6), (2, 3, 6)])]
'''
KERNEL = """#include "common.cuh"
extern "C" __global__ void swiglu(const float* gate, const float* x, const float* w, float* y, int n, int channels,
                                  int length, float limit) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    float g = fminf(gate[i], limit);
    y[i] = g * sigmoid(g) * x[i] * w[i / (int)length % channels];
}
"""
CONFIG = """[input] refname=G shape=2,3,8 dtype=f32
[input] refname=X shape=2,3,8 dtype=f32
[swiglu] input=G,X limit=1.5
[output] refname=*"""


@pytest.fixture(autouse=True)
def registers():
    """What a test registers is gone afterwards."""
    layers, modes = dict(LAYERS), dict(MODES)
    yield
    for table, before in ((LAYERS, layers), (MODES, modes)):
        table.clear()
        table.update(before)


@pytest.fixture
def files(tmp_path):
    """Writes the two files; gives the class's path."""

    def write(python=CLASS, kernel=KERNEL):
        (tmp_path / "swiglu.py").write_text(python)
        (tmp_path / "swiglu.cu").write_text(kernel)
        return tmp_path / "swiglu.py"

    return write


def test_a_sound_layer_passes_every_step(files):
    (cls,) = load(files())
    report = check(cls)
    assert report.ok, str(report)
    assert [s.name for s in report.steps] == [
        "cases", "compiles", "check mode", "parity", "determinism", "time", "on the GPU"
    ]  # fmt: skip
    parity = report.step("parity").lines
    assert [line.split(":")[0].split(" ", 1)[1] for line in parity] == [
        "as given", "batch of 3", "odd sizes", "long rows", "inputs with gaps"
    ]  # fmt: skip
    assert report.line == "[swiglu] limit=0.5" and report.rows == [
        "swiglu\tlimit\tf32\t7\t\t0\tthe gate is clipped to this\t\t"
    ]
    assert "✓ parity" in str(report) and "[swiglu] limit=0.5" in report._repr_html_()
    report.raise_errors()


BUGS = {
    "compile": ("float g =", "flaot g =", "compiles", r"swiglu\.cu:6 .*flaot"),
    "no tail check": ("    if (i >= n) return;\n", "", "check mode", r"out of bounds: read .* at \S*swiglu\.cu:5"),
    "forgotten": ("y[i] =", "if (i) y[i] =", "parity", r"does not compute what the reference says"),
    "race": ("y[i] =", "y[0] = y[i] =", "check mode", r"race"),
    "formula": ("sigmoid(g)", "tanhf(g)", "parity", r"✗ as given"),
    "order": ("y[i] =", "static __device__ int k; y[atomicAdd(&k, 1) % n] =", "parity", ""),
    "hang": ("if (i >= n) return;", "while (i < 999999) ;", "check mode", r"time limit of 1 s exceeded, .*swiglu.cu:5"),
    "hang at barriers": ("if (i >= n) return;", "for (;;) __syncthreads();", "check mode", r"exceeded, in line 5"),
    "wrong arguments": ("int length, float", "float length, float", "check mode", r"swiglu takes 'PPPPiiff'"),
}  # what to replace in KERNEL, by what, the step that fails, and what it says


@pytest.mark.parametrize("bug", BUGS)
def test_a_bug_is_found_where_it_is(files, bug):
    old, new, step, says = BUGS[bug]
    assert KERNEL.count(old) == 1
    (cls,) = load(files(kernel=KERNEL.replace(old, new)))
    report = check(cls, time_limit=1)
    last = report.steps[-1]
    assert not report.ok and last.name == step, str(report)
    assert re.search(says, str(last.error)), str(last.error)
    with pytest.raises(WorkbenchError):
        report.raise_errors()


def expected(gate, x, w, limit=1.5):
    g = np.minimum(gate, np.float32(limit)).astype(np.float64)
    return g / (1 + np.exp(-g)) * x * w[:, None]


@pytest.mark.parametrize("engine", ["openvino", "emulator", "reference"])
def test_a_config_runs_it_on_every_engine(files, engine):
    """On OpenVINO its kernel runs in the emulator, called as a Python operator."""
    load(files())
    rng = np.random.default_rng(0)
    gate, x = rng.standard_normal((2, 2, 3, 8)).astype(np.float32)
    w = rng.standard_normal(3).astype(np.float32)
    with build_engine(CONFIG, weights=w, engine=engine) as built:
        y = next(iter(built.run({"G": gate, "X": x}).values()))
    np.testing.assert_allclose(y, expected(gate, x, w), rtol=1e-5, atol=1e-6)


def test_a_numpy_reference_serves_without_torch(files):
    python = CLASS.replace("reference(self, torch, w, gate, x)", "reference_numpy(self, w, gate, x)")
    body = 'return torch.nn.functional.silu(gate.clamp(max=self.limit)) * x * w["w"][:, None]'
    assert body in python
    python = python.replace(body, "g = gate.clip(max=self.limit); return g / (1 + np.exp(-g)) * x * w['w'][:, None]")
    (cls,) = load(files("import numpy as np\n" + python))
    report = check(cls)
    assert report.ok, str(report)


def test_another_storage_is_refused_until_the_kernel_is_written_for_it(files):
    load(files())
    with pytest.raises(WorkbenchError, match="not written for f16") as caught:
        build_engine(CONFIG, weights=np.ones(3, np.float32), engine="emulator", precision="f16")
    assert "precisions = ('f32', 'f16')" in caught.value.note
    LAYERS.pop("swiglu")
    python = CLASS.replace("    arity", '    precisions = ("f32", "f16")\n    arity')
    kernel = KERNEL.replace("const float* gate, const float* x, const float* w, float* y", "const T* gate, const T* x, "
                            "const T* w, T* y").replace("gate[i]", "to_float(gate[i])")  # fmt: skip
    kernel = kernel.replace(
        "x[i] * w[i / (int)length % channels]", "to_float(x[i]) * to_float(w[i / length % channels])"
    ).replace("= g *", "= from_float(g *")
    (cls,) = load(files(python, kernel.replace("channels]);", "channels]));")))
    report = check(cls)
    assert report.ok and "f16" in str(report.step("parity").lines), str(report)


MODE = '''
from workbench.custom import *

@cuda_layer("eltwise", mode="gated")
class Gated(CudaLayer):
    """x0 where x1 > 0, else 0."""
    def infer(self, x, gate):
        return [x]
    def reference(self, torch, w, x, gate):
        return torch.where(gate > 0, x, 0.0)
    def launches(self, x, y, w):
        return self.flat("swiglu", y[0].count, *x, *y, y[0].count)
    CASES = [Case("mode=gated", [(2, 3, 5), (2, 3, 5)])]
'''
GATED = 'extern "C" __global__ void swiglu(const float* x, const float* gate, float* y, int n) { ' \
        "int i = blockIdx.x * blockDim.x + threadIdx.x; if (i < n) y[i] = gate[i] > 0 ? x[i] : 0; }"  # fmt: skip
BOTH = """[input] refname=G shape=2,4 dtype=f32
[input] refname=X shape=2,4 dtype=f32
[eltwise] input=X,G mode={} refname=A
[eltwise] input=A,X mode=add
[output] refname=*"""


def test_a_mode_of_a_built_in_layer(files):
    """Its other modes stay; the dictionary, the parser and the engines know the new one."""
    (cls,) = load(files(MODE, GATED))
    report = check(cls)
    assert report.ok, str(report)
    assert "gated" in builtin().rows("eltwise")["mode"].symbols
    graph = parse_config(BOTH.format("gated")).graph
    assert [type(n.layer).__name__ for n in graph.body] == ["Gated", "Eltwise"]
    gate, x = np.random.default_rng(0).standard_normal((2, 2, 4)).astype(np.float32)
    for engine in ("openvino", "emulator"):
        with build_engine(BOTH.format("gated"), engine=engine) as built:
            (y,) = built.run({"G": gate, "X": x}).values()
        assert np.array_equal(y, np.where(gate > 0, x, 0) + x)
    with pytest.raises(WorkbenchError, match=r"expected one of add,.*gated; got 'gatde'"):
        parse_config(BOTH.format("gatde"))


REFUSED = {
    "a built-in tag": ('cuda_layer("swiglu")', 'cuda_layer("softmax")', "'softmax' is a built-in layer"),
    "a mode of nothing": ('cuda_layer("swiglu")', 'cuda_layer("conv2d", mode="m")', "no layer 'conv2d' with"),
    "a built-in mode": ('cuda_layer("swiglu")', 'cuda_layer("eltwise", mode="add")', "has a built-in mode 'add'"),
    "a mode's own key": ('cuda_layer("swiglu")', 'cuda_layer("eltwise", mode="m")', "no keys of its own"),
    "another class": ("SwiGLU(CudaLayer)", "SwiGLU", "must be a subclass of CudaLayer"),
    "no decorator": ('@cuda_layer("swiglu")', "", "defines no custom layer"),
    "an error in the file": ("arity = (2, 2)", "arity = (2, 2\n    x = 1/0", r"swiglu\.py:7 SyntaxError"),
    "an error when run": ("arity = (2, 2)", "arity = (2, 1 // 0)", r"swiglu\.py:7 ZeroDivisionError"),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_registered_is_told(files, what):
    old, new, says = REFUSED[what]
    with pytest.raises(WorkbenchError, match=says):
        load(files(CLASS.replace(old, new)))


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(WorkbenchError, match=r"nowhere\.py there is no such file"):
        load(tmp_path / "nowhere.py")


@pytest.mark.parametrize(
    "old, new, step, says",
    [
        ("return [x]", "return [x, y]", "cases", r"swiglu\.py:14 infer\(\) NameError"),
        ("channels, length =", "channels, length, more =", "check mode", r"swiglu\.py:20 launches\(\) ValueError"),
        ("gate.clamp(", "gate.clmap(", "parity", r"swiglu\.py:17 reference\(\) AttributeError.*clmap"),
        ("CASES", "NO_CASES", "cases", "has no CASES"),
        ("def reference", "def refrence", "cases", "neither reference nor reference_numpy"),
    ],
)
def test_errors_of_the_users_methods_name_their_line(files, old, new, step, says):
    (cls,) = load(files(CLASS.replace(old, new)))
    last = check(cls).steps[-1]
    assert (last.name, last.ok) == (step, False) and re.search(says, str(last.error)), last


def test_a_class_defined_again_takes_the_place_of_the_first():
    def define():
        @cuda_layer("twice")
        class Twice(CudaLayer):
            pass

        return Twice

    first, second = define(), define()
    assert LAYERS["twice"] is second is not first
    with pytest.raises(WorkbenchError, match="Twice has no CUDA source yet"):
        second.source()


def test_lines_of_a_cell_are_named_as_the_cell_counts_them(files):
    (cls,) = load(files())
    cls.kernel = Source.of_cell("SwiGLU", KERNEL.replace("sigmoid(g)", "sigmodi(g)"))
    text = str(check(cls).steps[-1].error)
    assert text.startswith("cell SwiGLU:8 ") and "line 8: y[i] = g * sigmodi(g)" in text
    cls.kernel = Source.of_cell("SwiGLU", KERNEL.replace("if (i >= n) return;", ""))
    assert "at cell SwiGLU:7, block (0,0,0) thread (36,0,0)" in str(check(cls).steps[-1].error)


def test_an_engine_file_follows_the_layers_own_kernel(files, tmp_path):
    """A changed .cu is another engine; a mode that nobody has registered is named before anything else."""
    gain, path = np.ones(3, np.float32), tmp_path / "x.engine"
    feeds = {name: np.ones((2, 3, 8), np.float32) for name in ("G", "X")}

    def built():
        with build_engine(CONFIG, weights=gain, engine="emulator", engine_file=path) as engine:
            return engine.note, next(iter(engine.run(feeds).values())).max()

    load(files())
    first = built()[1]
    assert built()[0].startswith("opened ")
    load(files(kernel=KERNEL.replace("* x[i]", "* 2.0f * x[i]")))
    with open_engine(path) as engine:
        assert "again: own kernels changed" in engine.note
    note, twice = built()
    assert "own kernels changed" in note and np.isclose(twice, 2 * first)


def test_an_engine_file_names_the_mode_that_is_missing(files, tmp_path):
    text = "[input] refname=G shape=2,3 dtype=f32\n[eltwise] input=G,G mode=double refname=Y\n[output] refname=Y\n"

    class Double(CudaLayer):
        kernel = Source.of_cell("Double", """extern "C" __global__ void twice(const float* x, float* y, int n) {
    if (threadIdx.x < n) y[threadIdx.x] = 2 * x[threadIdx.x];
}""")  # fmt: skip

        def infer(self, *x):
            return [x[0]]

        def launches(self, x, y, w):
            return self.flat("twice", y[0].count, x[0], y[0], y[0].count)

    made = cuda_layer("eltwise", mode="double")(Double)
    made.kernel = Double.kernel
    with build_engine(text, engine="emulator", engine_file=tmp_path / "x.engine"):
        pass
    with open_engine(tmp_path / "x.engine") as engine:
        assert engine.run(np.ones((2, 3), np.float32))["Y"].min() == 2
    del MODES["eltwise", "double"]
    with pytest.raises(WorkbenchError, match=r"needs the layers eltwise mode=double"):
        open_engine(tmp_path / "x.engine")
