"""YOLOv8-pose, -face and -seg find what ultralytics' own predictors find, from its pictures to its Results."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from workbench.compare.verdict import error
from workbench.engines.base import Engine
from workbench.errors import WorkbenchError
from workbench.ports import get_port
from workbench.ports.base import Port
from workbench.ports.common.packages import package_file
from workbench.ports.common.pictures import open_picture
from workbench.ports.common.ultralytics import predictor
from workbench.ports.common.yolov8 import letterbox
from workbench.session import Session

pytestmark = [pytest.mark.agpl, pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
pytest.importorskip("ultralytics", reason="ultralytics (extra models-agpl)")
NAMES = ("yolov8_pose", "yolov8_face", "yolov8_seg")


@pytest.fixture(autouse=True, scope="module")
def plain_convolutions() -> Iterator[None]:
    """Random scores nearly tie: OpenVINO's own sums decide as upstream does, and all else can be compared."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORKBENCH_CPU_OPS", "0")
        yield


def picture(name: str) -> Image.Image:
    return open_picture(package_file("ultralytics", f"assets/{name}", "ultralytics-opencv-headless", "the picture"))


PICTURES = {
    "bus": lambda: picture("bus.jpg"),  # 810 x 1080
    "720p": lambda: picture("zidane.jpg"),  # 1280 x 720
    "1080p": lambda: picture("zidane.jpg").resize((1920, 1080)),
    "odd": lambda: picture("bus.jpg").resize((333, 71)),
    "pixel": lambda: picture("bus.jpg").resize((1, 1)),
}


@pytest.fixture(scope="module", params=NAMES)
def opened(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A port, its original's model, and its engine with that model's weights."""
    port = get_port(request.param)
    session = Session.of_port(port.name)
    with session.build(tmp_path_factory.mktemp(port.name) / "x.engine") as engine:
        yield port, session.model, engine


@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize("size", [(640, 640), (384, 640), (640, 480)])
def test_the_letterbox_is_upstreams_byte_for_byte(name: str, size: tuple[int, int]) -> None:
    from ultralytics.data.augment import LetterBox

    image = PICTURES[name]()
    theirs = LetterBox(size, auto=False)(image=np.asarray(image))
    np.testing.assert_array_equal(letterbox(image, size)[0], theirs)


def twins(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """For each of their boxes our nearest one, each taken once: scores that almost tie may stand in another order."""
    nearest = np.abs(ours[None] - theirs[:, None]).max(2).argmin(1)
    assert sorted(nearest) == list(range(len(theirs)))
    return nearest


@pytest.mark.parametrize("name", ["bus", "720p", "1080p", "odd"])
def test_results_are_upstreams(opened: tuple[Port, Any, Engine], name: str) -> None:
    """The same detections; each kind of value within the port's tolerance of its own range."""
    port, model, engine = opened
    image = PICTURES[name]()
    ours = port.infer(SimpleNamespace(open=lambda: engine), image)
    theirs = predictor(model, (640, 640))(np.asarray(image))
    assert len(ours.boxes) == len(theirs.boxes) and (name == "odd" or len(ours.boxes) > 3)
    if not len(ours.boxes):  # a strip of 333 x 71 may hold none
        return
    twin = twins(ours.boxes, theirs.boxes.xyxy.numpy())
    assert error(ours.boxes[twin], theirs.boxes.xyxy.numpy()) <= port.tolerance
    assert error(ours.scores[twin], theirs.boxes.conf.numpy()) <= port.tolerance
    if port.name == "yolov8_seg":
        assert ours.classes[twin].tolist() == theirs.boxes.cls.int().tolist()
        rows, columns = letterbox(image, (640, 640))[1].inside
        masks = theirs.masks.data.numpy()[:, rows, columns]
        # A logit within the tolerance of 0 may fall on either side.
        assert (ours.masks[twin] != masks).sum() <= port.tolerance * masks.sum()
    else:
        points = theirs.keypoints.data.numpy()
        assert error(ours.points[twin, :, :2], points[..., :2]) <= port.tolerance
        assert error(ours.points[twin, :, 2], points[..., 2]) <= port.tolerance


def test_a_single_pixel_is_a_picture(opened: tuple[Port, Any, Engine]) -> None:
    port, _, engine = opened
    image = PICTURES["pixel"]()
    found = port.infer(SimpleNamespace(open=lambda: engine), image)
    assert found.boxes.shape == (len(found.scores), 4) and port.draw(image, found).size == (1, 1)


@pytest.mark.parametrize("scale", ["n", "s"])
def test_a_users_checkpoint_of_either_size_is_loaded(scale: str, tmp_path: Path) -> None:
    from ultralytics.nn.tasks import PoseModel

    torch.manual_seed(3)
    theirs = PoseModel(f"yolov8{scale}-pose.yaml", verbose=False).eval()
    path = tmp_path / "mine.pt"
    torch.save(theirs.state_dict(), path)
    session = Session.of_port(
        "yolov8_pose", checkpoint=path, params={"WIDTH": {"n": 16, "s": 32}[scale], "RE_SIZE": "64,96"}
    )
    (x,) = session.example_arrays()
    with torch.inference_mode():
        rows = theirs(torch.from_numpy(x))[0]
        ours = torch.cat(session.model(torch.from_numpy(x)), 1)
    assert torch.equal(rows, ours)
    assert session.weights().values.size > 3e6


SIZE_S: dict[str, tuple[str, str, dict[str, Any], dict[str, int]]] = {
    "yolov8_pose": ("PoseModel", "yolov8s-pose.yaml", {}, {}),
    "yolov8_face": ("PoseModel", "yolov8s-pose.yaml", {"nc": 1, "data_kpt_shape": [5, 3]}, {"POINT_HIDDEN": 32}),
    "yolov8_seg": ("SegmentationModel", "yolov8s-seg.yaml", {}, {"CLASS_HIDDEN": 128}),
}


@pytest.mark.parametrize("name", NAMES)
def test_every_line_of_size_s_equals_the_original(name: str, tmp_path: Path) -> None:
    from ultralytics.nn import tasks

    cls, description, options, params = SIZE_S[name]
    torch.manual_seed(4)
    torch.save(getattr(tasks, cls)(description, verbose=False, **options).state_dict(), tmp_path / "s.pt")
    sizes = {"WIDTH": 32, "RE_SIZE": "96,160", **params}
    report = Session.of_port(name, checkpoint=tmp_path / "s.pt", params=sizes).check()
    assert report.passed, str(report)


def test_checkpoints_that_cannot_serve_are_told(tmp_path: Path) -> None:
    from ultralytics.nn.tasks import PoseModel

    port = get_port("yolov8_pose").part()
    medium = {"model.0.conv.weight": torch.zeros(48, 3, 3, 3)}
    torch.save(medium, tmp_path / "m.pt")
    with pytest.raises(WorkbenchError, match=r"16 output channels \(YOLOv8n\) or 32 \(YOLOv8s\); got one of 48"):
        port.original(tmp_path / "m.pt")
    torch.save({"0.conv.weight": torch.zeros(16, 3, 3, 3)}, tmp_path / "inner.pt")
    with pytest.raises(WorkbenchError, match=r"one of them 'model\.0\.conv\.weight'; it has none"):
        port.original(tmp_path / "inner.pt")
    model = PoseModel("yolov8n-pose.yaml", verbose=False)
    torch.save({"model": model}, tmp_path / "yolov8n-pose.pt")  # as ultralytics saves it
    with pytest.raises(WorkbenchError, match="pickled") as caught:
        port.original(tmp_path / "yolov8n-pose.pt")
    assert "ultralytics.YOLO('yolov8n-pose.pt').model.float().state_dict()" in caught.value.note
    torch.save({k: v for k, v in model.state_dict().items() if "cv4" not in k}, tmp_path / "detect.pt")
    with pytest.raises(WorkbenchError, match=r"the checkpoint has no 'model\.22\.cv4"):
        port.original(tmp_path / "detect.pt")
