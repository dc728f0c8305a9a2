"""Building, opening and running engines, and every way in which feeds and engine files can be wrong."""

import threading

import numpy as np
import pytest

from workbench import build_engine, open_engine
from workbench.engines.openvino import OpenVINOEngine
from workbench.errors import WorkbenchError
from workbench.ports import get_port
from workbench.session import Session

PART = get_port("digits").part()
FEEDS = PART.feeds()


@pytest.fixture
def engine(tmp_path):
    with build_engine(PART.config_path, PART.params, PART.weights_path, engine_file=tmp_path / "x.engine") as engine:
        yield engine


@pytest.fixture
def build(tmp_path):
    def build(path=tmp_path / "digits.engine", **changes):
        options = {"config": PART.config_path, "params": PART.params, "weights": PART.weights_path} | changes
        return build_engine(engine_file=path, **options)

    return build


def test_reference_and_openvino_agree(engine):
    with build_engine(PART.config_path, PART.params, PART.weights_path, engine="reference") as reference:
        want, got = reference.run(FEEDS), engine.run(FEEDS)
    assert got.keys() == want.keys() == {"PROBABILITY"}
    np.testing.assert_allclose(got["PROBABILITY"], want["PROBABILITY"], atol=2e-6)


@pytest.mark.parametrize("precision", ["f32", "bf16", "f16"])
def test_precisions_are_what_they_say(build, engine, precision):
    exact = engine.run(FEEDS)["PROBABILITY"]
    with build(precision=precision) as other:
        y = other.run(FEEDS)["PROBABILITY"]
    difference = np.abs(y - exact).max()
    assert (difference == 0) == (precision == "f32") and difference < 0.05


@pytest.mark.parametrize(("option", "says"), [
    ({"precision": "f64"}, "prec_mode f64 is not to be had on the openvino engine"),
    ({"threads": -3}, "expected a number of threads, 0 for all of them; got -3"),
])  # fmt: skip
def test_what_an_engine_does_not_know_is_told(build, engine, option, says):
    """To who builds, who opens an engine file, and who checks a config line by line."""
    with pytest.raises(WorkbenchError, match=says):
        build(**option)
    with pytest.raises(WorkbenchError, match=says):
        Session.of_port("digits", **option).check()
    if "threads" in option:
        with build(), pytest.raises(WorkbenchError, match=says):
            build(**option)


def f32(shape=(1, 3, 4, 4)):
    return np.zeros(shape, np.float32)


@pytest.mark.parametrize(
    "feeds, says",
    [
        ({"IMAGE": FEEDS["IMAGE"], "X": f32()}, "no input is named 'X'.*inputs: IMAGE"),
        ({}, "input 'IMAGE' is not fed; expected u8"),
        (FEEDS["IMAGE"].astype(np.float32), r"expected u8\[-1,8,8,1\]; got float32.*astype\('uint8'\)"),
        (FEEDS["IMAGE"].transpose(0, 3, 1, 2), r"looks like NCHW where NHWC is expected"),
        (FEEDS["IMAGE"][0], r"the batch axis is missing"),
        (FEEDS["IMAGE"][:, :5], r"got uint8\[20,5,8,1\]"),
    ],
)
def test_wrong_feeds_are_told_with_the_fix(engine, feeds, says):
    with pytest.raises(WorkbenchError) as error:
        engine.run(feeds)
    import re

    assert re.search(says, str(error.value), re.S), str(error.value)


def test_nan_is_refused_unless_asked_for():
    config = "[input] refname=X shape=2,3 dtype=f32\n[scale] scale=2 refname=Y\n[output] refname=Y\n"
    x = np.array([[1, 2, 3], [4, np.nan, 6]], np.float32)
    with build_engine(config) as engine:
        with pytest.raises(WorkbenchError, match=r"holds NaN \(1 values, the first at \(1, 1\)\)"):
            engine.run(x)
        assert np.isnan(engine.run(x, check=False)["Y"][1, 1])


def test_feeds_that_are_not_contiguous_are_copied(engine):
    image = FEEDS["IMAGE"]
    strided = np.repeat(image, 2, 0)[::2]
    assert not strided.flags.c_contiguous
    np.testing.assert_array_equal(engine.run(strided)["PROBABILITY"], engine.run(image)["PROBABILITY"])


def test_threads_share_an_engine(engine):
    want = [engine.run(FEEDS["IMAGE"][i : i + 1])["PROBABILITY"] for i in range(20)]
    got = [None] * 20

    def work(first):
        for i in range(first, 20, 4):
            got[i] = engine.run(FEEDS["IMAGE"][i : i + 1])["PROBABILITY"]

    workers = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for w in workers:
        w.start()
    for w in workers:
        w.join()
    for a, b in zip(got, want, strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_closed_engine_says_so(engine):
    engine.close()
    engine.close()
    with pytest.raises(WorkbenchError, match="closed"):
        engine.run(FEEDS)


def test_the_engine_file_is_built_once_and_again_when_anything_changes(build, tmp_path):
    assert "there was no engine file" in build().note
    assert "nothing it depends on has changed" in build().note
    assert "precision changed from f32 to bf16" in build(precision="bf16").note
    assert (
        "params changed from BATCH_SIZE=-1 to BATCH_SIZE=20" in build(precision="bf16", params={"BATCH_SIZE": 20}).note
    )
    config = tmp_path / "copy.cfg"
    config.write_text(PART.config_path.read_text() + "# a note\n")
    assert "config changed" in build(config=config).note
    values = np.fromfile(PART.weights_path, "<f4")[10:].copy()
    values[0] += 1
    assert "weights changed" in build(config=config, weights=values).note


def test_an_engine_file_needs_nothing_beside_it(build, tmp_path):
    with build() as built, open_engine(tmp_path / "digits.engine") as opened:
        np.testing.assert_array_equal(opened.run(FEEDS)["PROBABILITY"], built.run(FEEDS)["PROBABILITY"])
        assert opened.inputs == built.inputs and opened.outputs == built.outputs


def test_another_machine_compiles_it_again_and_says_why(build, tmp_path, monkeypatch):
    want = build().run(FEEDS)["PROBABILITY"]
    monkeypatch.setattr(OpenVINOEngine, "machine", classmethod(lambda cls: "another processor"))
    with open_engine(tmp_path / "digits.engine") as engine:
        assert "compiled" in engine.note and "machine changed" in engine.note
        np.testing.assert_allclose(engine.run(FEEDS)["PROBABILITY"], want, atol=1e-6)


def test_make_engine_0_never_builds(build, tmp_path):
    config = tmp_path / "digits.cfg"
    config.write_text(PART.config_path.read_text().replace("prec_mode", "make_engine=0\nprec_mode"))
    with pytest.raises(WorkbenchError, match="make_engine=0, but there was no engine file"):
        build(config=config)


@pytest.mark.parametrize("damage", ["missing", "empty", "foreign", "cut", "header"])
def test_a_broken_engine_file_is_told_and_built_again(build, tmp_path, damage):
    path = tmp_path / "digits.engine"
    build()
    data = path.read_bytes()
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(
            {"empty": b"", "foreign": b"PK" * 99, "cut": data[:-999], "header": b"\xff" * 8 + data[8:]}[damage]
        )
    with pytest.raises(WorkbenchError, match=r"digits\.engine"):
        open_engine(path)
    with build() as engine:
        assert engine.note.startswith("built") and engine.run(FEEDS)["PROBABILITY"].shape == (20, 10)


def test_weights_must_be_there():
    with pytest.raises(WorkbenchError, match=r"nowhere.weights cannot read the weights"):
        build_engine(PART.config_path, PART.params, "nowhere.weights")
