"""Every port: listed without torch, ported line by line, and the same result from the engine as from the original."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch
from PIL import Image

from workbench.compare.verdict import error
from workbench.engines.reference import ReferenceEngine
from workbench.errors import WorkbenchError
from workbench.graph import Graph
from workbench.ports import PORTS, get_port
from workbench.ports.base import Part, Port
from workbench.ports.common.pictures import pixels
from workbench.ports.networks import Networks
from workbench.session import Session
from workbench.weights import plan_weights
from workbench.weights.spec import WeightSpec

ROOT = Path(__file__).resolve().parents[2]
QUICK = {"digits", "yolox_tiny_text"}  # what the default tests have the time for; the others are slow


def marks(port: Port, quick: bool = True) -> list[pytest.MarkDecorator]:
    slow = [] if port.name in QUICK and quick else [pytest.mark.slow]
    return [*slow, pytest.mark.agpl] if "AGPL" in port.licence else slow


class Variant(NamedTuple):
    """A part under some of its params: a batch, a size."""

    port: Port
    part: Part
    params: dict[str, str]

    def __str__(self) -> str:
        return "-".join([self.port.name, self.part.name, *(f"{k}={v}" for k, v in self.params.items())])

    def session(self) -> Session:
        return Session.of_port(self.port.name, self.part.name, params=self.params)


PARTS = [Variant(port, part, {}) for port in map(get_port, PORTS) for part in port.parts]
# Checking these lines takes minutes, and shows nothing that batch 2 does not; the outputs are compared all the same.
OUTPUTS_ONLY = {"mobile_sam-image_encoder-BATCH_SIZE=4"}
VARIANTS = sorted(  # these last, so that pytest still finds the tests of one variant by its place in both lists
    (Variant(port, part, dict(params)) for port, part, _ in PARTS for params in ({}, *part.variants)),
    key=lambda variant: str(variant) in OUTPUTS_ONLY,
)


def each(variants: list[Variant]) -> list[object]:
    """With marks: of all but the smallest port, the default tests take no variant beside its own params."""
    return [
        pytest.param(v, id=str(v), marks=marks(v.port, quick=not v.params or v.port.name == "digits")) for v in variants
    ]


# Of module scope, so that pytest runs all tests of one before the next: no two models are in RAM at once.
@pytest.fixture(scope="module", params=each(VARIANTS))
def variant(request: pytest.FixtureRequest) -> Variant:
    return request.param


@pytest.fixture(scope="module")
def session(variant: Variant) -> Session:
    return variant.session()


@pytest.fixture(scope="module", params=[pytest.param(name, marks=marks(get_port(name))) for name in PORTS])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Port, Path]]:
    """A port, and a folder with its weights, as a user has it after `workbench check --weights`."""
    port, path = get_port(request.param), tmp_path_factory.mktemp(request.param)
    before = Path.cwd()
    os.chdir(path)
    for part in port.parts:
        if not part.weights_path.is_file():
            Session.of_port(port.name, part.name).write_weights(part.weights_path)
    yield port, path
    os.chdir(before)


def test_listing_and_getting_ports_loads_no_torch() -> None:
    code = "import sys, workbench.ports as p; [p.get_port(n) for n in p.PORTS]; print(sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "'workbench.ports.digits'" in loaded
    assert "'torch'" not in loaded and "'openvino'" not in loaded and "'cv2'" not in loaded


def test_an_unknown_port_is_told_with_the_nearest_name() -> None:
    with pytest.raises(WorkbenchError, match="did you mean 'digits'"):
        get_port("digit")


def test_an_unknown_part_is_told_with_those_there_are() -> None:
    with pytest.raises(WorkbenchError, match="digits has no part 'head'") as caught:
        get_port("digits").part("head")
    assert caught.value.note == "parts: classifier"


@pytest.mark.parametrize("part", PARTS, ids=str)
def test_batches_of_1_2_and_4_are_among_those_tested(part: Variant) -> None:
    own = part.part.params.get("BATCH_SIZE", "1")
    batches = {own, *(v.get("BATCH_SIZE", own) for v in part.part.variants)}
    assert batches >= {"1", "2", "4"}


def apart(got: np.ndarray, want: np.ndarray) -> float:
    """The verdict's error; of whole numbers, how many differ per one that is not 0, as masks' edges may."""
    if got.dtype.kind == "f" or got.shape != want.shape:
        return error(got, want)
    return float((got != want).sum() / max(1, np.count_nonzero(want)))


def same_detections(got: np.ndarray, want: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows of got and of want that are the same box, by its corners and what follows them.

    Random scores and overlaps nearly tie: rounding decides which of two comes first, and which is dropped. One of
    twenty may have no counterpart.
    """
    apart = np.abs(got[:, None] - want[None]).max(2, initial=0)
    rows = np.flatnonzero(apart.min(0) <= 1e-4 * np.ptp(want[:, :4]))
    assert len(rows) >= 0.95 * max(len(got), len(want))
    return apart.argmin(0)[rows], rows


@pytest.mark.parametrize("variant", each(VARIANTS[: -len(OUTPUTS_ONLY)]), indirect=True, scope="module")
def test_every_line_equals_the_original(session: Session) -> None:
    report = session.check()
    assert report.passed, str(report)
    assert not report.uncovered, "operators of the original that no line ports"


def test_the_engine_equals_the_original(variant: Variant, session: Session, tmp_path: Path) -> None:
    feeds = variant.part.feeds(variant.params)
    batch = int(variant.params.get("BATCH_SIZE", -1))
    assert all(x.shape[0] in (1, batch) or batch == -1 for x in feeds.values())  # 1: what is shared by all of a batch
    expected = variant.part.run_original(feeds, session.model)
    with session.build(tmp_path / "x.engine") as engine:
        got = engine.run(feeds)
    assert got.keys() == expected.keys()
    if "IMAGES" in got:
        boxes = [np.column_stack([x["BOXES"], 1e4 * x["IMAGES"], 1e4 * x["CLASSES"]]) for x in (got, expected)]
        each_detection = [name for name in got if len(got[name]) == len(got["BOXES"])]
        for side, rows in zip((got, expected), same_detections(*boxes), strict=True):
            side.update({name: side[name][rows] for name in each_detection})
    errors = {name: apart(got[name], expected[name]) for name in got}
    assert max(errors.values()) <= variant.part.tolerance, errors


def test_the_engines_find_what_the_originals_find(folder: tuple[Port, Path]) -> None:
    port, _ = folder
    picture = port.sample()
    with Networks(port) as engines, Networks(port, original=True) as originals:
        found, expected = port.infer(engines, picture), port.infer(originals, picture)  # tuples of arrays
        if hasattr(found, "boxes"):
            rows = same_detections(found.boxes, expected.boxes)
            found, expected = ([x[i] for x in side] for side, i in zip((found, expected), rows, strict=True))
        for got, want in zip(found, expected, strict=True):
            assert apart(got, want) <= port.tolerance


PICTURES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "grey": lambda p: p.convert("L"),
    "transparent": lambda p: p.convert("RGBA"),
    "16 bits": lambda p: Image.fromarray(np.asarray(p.convert("L")).astype(np.uint16) * 257),
    "1 x 1": lambda p: p.resize((1, 1)),
    "odd": lambda p: p.resize((333, 71)),
    "8k": lambda p: p.resize((7680, 4320)),
}


@pytest.fixture(scope="module")
def engines(folder: tuple[Port, Path]) -> Iterator[Networks]:
    with Networks(folder[0]) as opened:
        yield opened


@pytest.mark.parametrize("kind", PICTURES)
def test_any_picture_has_a_result(engines: Networks, kind: str) -> None:
    """The same as its bytes in RGB have, and one that can be drawn."""
    port = engines.port
    picture = PICTURES[kind](port.sample())
    results = [port.infer(engines, picture), port.infer(engines, pixels(picture))]
    for array, again in zip(*results, strict=True):
        assert np.array_equal(array, again) and (array.dtype.kind != "f" or np.isfinite(array).all())
    assert min(port.draw(picture, results[0]).size) > 0


@pytest.mark.parametrize("part", each(PARTS))
def test_a_checkpoint_of_another_model_is_told(part: Variant, tmp_path: Path) -> None:
    torch.save({"other.weight": torch.zeros(3)}, tmp_path / "other.pt")
    with pytest.raises(WorkbenchError) as caught:
        part.part.original(tmp_path / "other.pt")
    assert "other.pt" in str(caught.value) or "no checkpoint" in str(caught.value)


NO_TORCH = """
import runpy, sys
sys.modules["torch"] = sys.modules["torchvision"] = None
sys.argv = [*sys.argv[1:]]
runpy.run_module(sys.argv[0], run_name="__main__")
"""


def test_the_program_runs_where_there_is_no_torch(folder: tuple[Port, Path]) -> None:
    """On a picture and, drawn, on a video of two frames."""
    cv2 = pytest.importorskip("cv2", reason="the extra video is not installed")
    port, path = folder
    frames = cv2.VideoWriter(str(path / "in.avi"), cv2.VideoWriter_fourcc(*"MJPG"), 25, (320, 240))
    for shift in (0, 16):
        frames.write(np.roll(np.asarray(port.sample().convert("RGB").resize((320, 240)))[..., ::-1], shift, 1))
    frames.release()
    for arguments in (["--out", "drawn.png"], ["in.avi", "--out", "out.avi"]):
        done = subprocess.run(
            [sys.executable, "-c", NO_TORCH, f"workbench.ports.{port.name}", *arguments],
            cwd=path, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert (path / arguments[-1]).stat().st_size > 0
    assert done.stdout == ""


def moves_all_scores(graph: Graph, weight: WeightSpec) -> bool:
    """True for the bias of an attention's keys: it moves all scores of a query alike, which softmax undoes."""
    made = weight.node.outputs[0]
    users = [node for node in graph if made in node.inputs]
    return weight.letter == "a" and all(node.tag == "attention" and node.inputs[1] == made for node in users)


@pytest.mark.parametrize("part", each(PARTS))
def test_no_weight_tensor_could_be_zero_unnoticed(part: Variant) -> None:
    """The parity test can fail: any one tensor zeroed moves an output by more than the part's tolerance.

    Of a network with many tensors every n-th is tried.
    """
    small = next((v for v in part.part.variants if "RE_SIZE" in v), {})
    session = Session.of_port(part.port.name, part.part.name, params=small)
    feeds, network = session.feeds(), session.network()
    graph = network.parsed.graph
    plan, expected = plan_weights(graph), part.part.run_original(feeds, session.model)
    unnoticed = []
    tensors = [t for t in plan.stored if not moves_all_scores(graph, t)]
    for tensor in tensors[:: max(1, len(tensors) // 40)]:
        values = network.values.copy()
        values[tensor.offset : tensor.offset + tensor.count] = 0
        with ReferenceEngine(graph, plan.split(values)) as engine:
            got = engine.run(feeds)
        if all(apart(got[name], expected[name]) <= part.part.tolerance for name in got):
            unnoticed.append(str(tensor))
    assert not unnoticed


def test_the_samples_weights_are_those_of_its_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "digits.weights"
    Session.of_port("digits").write_weights(path)
    assert path.read_bytes() == get_port("digits").part().weights_path.read_bytes()
