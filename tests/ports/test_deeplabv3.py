"""DeepLabv3 around the network: torchvision's preset, classes at the picture's size, checkpoints, any picture."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms._presets import SemanticSegmentation

from workbench.engines.build import build_engine
from workbench.errors import WorkbenchError
from workbench.ports import deeplabv3 as port
from workbench.ports.common.labels import largest, palette, shares
from workbench.ports.common.packages import package_file
from workbench.ports.common.pictures import open_picture
from workbench.ports.networks import Networks
from workbench.session import Session

PART = port.PORT.part()
# Photographs with other ratios of their sides: 512 x 512, 451 x 300, 600 x 400, 640 x 427, 741 x 500 (CC0).
PICTURES = ["astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg", "motorcycle_left.png"]


def picture(name: str) -> Image.Image:
    return open_picture(package_file("skimage", f"data/{name}", "scikit-image", "the test picture"))


@pytest.fixture(scope="module")
def model() -> torch.nn.Module:
    return port.original()


def small(model: torch.nn.Module) -> Session:
    return Session(model, (torch.zeros(1, 3, 33, 33),), PART.config_path, {"BATCH_SIZE": 1, "RE_SIZE": "33,33"})


@pytest.mark.parametrize("name", PICTURES)
def test_preprocessing_is_torchvisions_preset(name: str) -> None:
    """The resized bytes are the preset's own; normalising them rounds twice, of a range of 4.8 (half an ulp of 4)."""
    image = picture(name)
    for shown in (image, image.rotate(90, expand=True)):
        theirs = SemanticSegmentation(resize_size=port.SHORT_SIDE)(shown).numpy()
        height, width = port.preset_size(shown.size)
        feeds, geometry = port.preprocess(shown, PART.inputs({"RE_SIZE": (height, width)}))
        (ours,) = port.to_original(feeds)
        assert geometry == (shown.height, shown.width)
        assert ours[0].shape == theirs.shape and np.abs(ours[0] - theirs).max() <= 2**-21


@pytest.mark.parametrize("size", [(300, 451), (33, 47), (65, 97), (1, 1), (700, 5)])
@pytest.mark.parametrize("kind", ["smooth", "noise", "equal"])
def test_classes_are_those_of_the_resized_logits(size: tuple[int, int], kind: str) -> None:
    """But where the two largest are closer than float32 rounds: 4 products and sums, an ulp of the range each."""
    rng = np.random.default_rng(0)
    logits = torch.from_numpy(rng.standard_normal((1, 21, 65, 97) if kind == "noise" else (1, 21, 5, 7)))
    if kind != "noise":
        logits = torch.nn.functional.interpolate(logits, (65, 97), mode="bilinear")
    logits = (torch.zeros_like(logits) if kind == "equal" else logits).float()
    resized = torch.nn.functional.interpolate(logits, size, mode="bilinear", align_corners=False)
    first, second = resized.topk(2, 1).values[0].unbind(0)
    same = largest(logits[0].numpy(), size) == resized[0].argmax(0).numpy()
    assert (same | (kind != "equal") & (first - second < 4 * 2**-23 * logits.abs().max()).numpy()).all()
    assert same.mean() > 0.999


def test_the_palette_is_pascal_vocs() -> None:
    """The devkit's table: background, aeroplane, bicycle, ..., cat, ..., tvmonitor, border."""
    colours = palette(256)
    known = {0: (0, 0, 0), 1: (128, 0, 0), 2: (0, 128, 0), 8: (64, 0, 0), 15: (192, 128, 128), 20: (0, 64, 128),
             255: (224, 224, 192)}  # fmt: skip
    assert {i: tuple(colours[i].tolist()) for i in known} == known


def test_what_is_drawn_shows_the_class_and_names_it() -> None:
    mask = np.zeros((60, 80), np.uint8)
    mask[:, 40:] = 8
    drawn = port.draw(Image.new("RGB", (80, 60), (100, 100, 100)), port.Segmentation(mask))
    assert drawn.getpixel((10, 10)) == (100, 100, 100) and drawn.getpixel((60, 10)) == ((100 + 64) // 2, 50, 50)
    assert drawn.height > 60 and shares(mask) == [(0, 0.5), (8, 0.5)]
    assert str(port.Segmentation(mask)) == "background 50.0%, cat 50.0%"


@pytest.mark.parametrize("size", [(1, 1), (7, 5), (2, 16)])
def test_tiny_pictures_have_a_size_of_the_preset(size: tuple[int, int]) -> None:
    height, width = port.preset_size(size)
    assert min(height, width) == port.SHORT_SIDE and (height > width) == (size[1] > size[0])


def test_a_picture_like_a_thread_is_refused_with_the_way_out() -> None:
    with pytest.raises(WorkbenchError, match="1 x 9000 pixels would be resized to 520 x 4680000") as caught:
        port.preset_size((1, 9000))
    assert "RE_SIZE" in caught.value.note


def test_a_users_checkpoint_is_loaded_without_the_auxiliary_classifier(model: torch.nn.Module, tmp_path: Path) -> None:
    state = {name: t + 1 if name == "classifier.4.bias" else t for name, t in model.state_dict().items()}
    torch.save({**state, "aux_classifier.0.weight": torch.zeros(2)}, tmp_path / "mine.pth")
    mine = port.original(tmp_path / "mine.pth").state_dict()
    assert all(torch.equal(mine[name], t) for name, t in state.items())


def test_a_checkpoint_of_other_classes_is_refused(model: torch.nn.Module, tmp_path: Path) -> None:
    state = dict(model.state_dict())
    state["classifier.4.weight"] = state["classifier.4.weight"][:2]
    torch.save(state, tmp_path / "two.pth")
    with pytest.raises(WorkbenchError, match=r"classifier\.4\.weight"):
        port.original(tmp_path / "two.pth")


@pytest.mark.slow
def test_engine_and_original_give_every_pixel_the_same_class(model: torch.nn.Module, tmp_path: Path,
                                                             monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    """But where the original's two largest logits are closer than twice what the port's tolerance lets each err."""
    monkeypatch.chdir(tmp_path)
    small(model).write_weights(PART.weights_path)
    for name in ("chelsea.png", "rocket.jpg"):
        image = picture(name)
        size = (image.height, image.width)
        with Networks(port.PORT) as engines:
            ours = port.PORT.infer(engines, image).mask
        x = SemanticSegmentation(resize_size=port.SHORT_SIDE)(image)[None]
        with torch.inference_mode():
            logits = model(x)["out"]
            logits = torch.nn.functional.interpolate(logits, size, mode="bilinear", align_corners=False)[0]
        first, second = logits.topk(2, 0).values
        sure = (first - second > 2 * PART.tolerance * logits.abs().max()).numpy()
        assert sure.mean() > 0.98
        assert (ours == logits.argmax(0).numpy())[sure].all()


def test_any_size_builds_and_the_logits_have_it(model: torch.nn.Module) -> None:
    values = small(model).network().values
    for size in ((1, 1), (8, 40), (31, 17)):
        with build_engine(PART.config_path, {"BATCH_SIZE": 1, "RE_SIZE": size}, values, engine="reference") as engine:
            assert engine.outputs[port.LOGITS].shape == (1, 21, *size)
