"""A layer of the user's own that has only a numpy method runs on OpenVINO, and comes back from an engine file."""

import numpy as np
import pytest

from workbench.engines.build import build_engine, open_engine
from workbench.engines.openvino import OpenVINOEngine
from workbench.engines.reference import ReferenceEngine
from workbench.errors import WorkbenchError
from workbench.graph import Act, Graph, Node, TensorSpec
from workbench.layers import LAYERS, Layer, layer
from workbench.layers.base import Floats, key
from workbench.layers.input import Input


@pytest.fixture
def median(monkeypatch):
    """[median]: the middle of the weighted last axis, scaled, and its index; registered for one test."""
    monkeypatch.setitem(LAYERS, "median", None)  # so that it is taken out again afterwards
    del LAYERS["median"]

    @layer("median")
    class Median(Layer):
        scale: Floats = key(Floats(1))
        fail: str = key("")

        @property
        def outputs(self):
            return 2

        def weights(self, x):
            return [("w", (x.shape[-1],))]

        def infer(self, x):
            return [TensorSpec(x.shape[:-1]), TensorSpec(x.shape[:-1], "i32")]

        def reference(self, torch, w, x):
            value, index = (x * w["w"]).median(-1)
            return [value * self.scale[0], index.to(torch.int32)]

        def numpy(self, w, x):
            if self.fail:
                raise ValueError("the median has failed")
            y = x * w["w"]
            index = np.argsort(y, -1)[..., (y.shape[-1] - 1) // 2]
            return [np.take_along_axis(y, index[..., None], -1)[..., 0] * self.scale[0], index]

    return Median


def graph_of(layer, batch):
    nodes = [
        Node(0, Input(shape=(batch, 2, 7), dtype="f32"), (), ("X",)),
        Node(1, layer, ("X",), ("Y", "I"), act=Act("relu")),
    ]
    specs = dict(zip("XYI", [TensorSpec((batch, 2, 7)), *layer.infer(TensorSpec((batch, 2, 7)))], strict=True))
    return Graph(nodes, ("Y", "I"), specs=specs)


@pytest.mark.parametrize("batch", [3, -1])
def test_numpy_runs_as_an_operator(median, batch):
    rng = np.random.default_rng(0)
    graph, weights = graph_of(median(scale=Floats("-2.5,3")), batch), {1: {"w": np.arange(1, 8, dtype=np.float32)}}
    x = rng.standard_normal((3, 2, 7)).astype(np.float32)
    want = ReferenceEngine(graph, weights).run(x)
    got = OpenVINOEngine.build(graph, weights).run(x)
    assert (got["Y"] > 0).any()
    for name in "YI":
        np.testing.assert_array_equal(got[name], want[name])


def test_a_failing_numpy_is_told(median):
    engine = OpenVINOEngine.build(graph_of(median(fail="yes"), 1), {1: {"w": np.ones(7, np.float32)}})
    with pytest.raises(WorkbenchError, match="the median has failed"):
        engine.run(np.zeros((1, 2, 7), np.float32))


def test_the_engine_file_names_and_needs_the_layer(median, tmp_path):
    text = "[input] refname=X shape=2,2,7 dtype=f32\n[median] scale=4 refname=Y,I\n[output] refname=Y,I [end]\n"
    (tmp_path / "m.cfg").write_text(text)
    file, weights = tmp_path / "m.engine", np.arange(1, 8, dtype=np.float32)
    x = np.random.default_rng(1).standard_normal((2, 2, 7)).astype(np.float32)
    want = build_engine(tmp_path / "m.cfg", weights=weights, engine_file=file).run(x)
    opened = open_engine(file)
    assert "again" not in opened.note  # the compiled network was read, not compiled once more
    for name, array in opened.run(x).items():
        np.testing.assert_array_equal(array, want[name])
    del LAYERS["median"]
    with pytest.raises(WorkbenchError, match="median"):
        open_engine(file)
