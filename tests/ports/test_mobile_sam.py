"""Mobile-SAM's parts are those of the package's own modules; the small ones line by line."""

from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from workbench.compare.verdict import error, tolerance
from workbench.errors import WorkbenchError, WorkbenchErrors
from workbench.ports import get_port
from workbench.ports.common import mobile_sam
from workbench.ports.run import main
from workbench.session import Session

PORT = get_port("mobile_sam")
SMALL = [part.name for part in PORT.parts if part.name != "image_encoder"]


@pytest.fixture(scope="module")
def encoder() -> Any:
    return mobile_sam.untrained("prompt_encoder")


def run(name: str, *inputs: torch.Tensor) -> torch.Tensor:
    with torch.inference_mode():
        return mobile_sam.part(name)(*inputs)


def same(ours: torch.Tensor, theirs: torch.Tensor) -> bool:
    """Within what the verdict allows any line: threads split a product differently for other shapes."""
    return error(ours.detach().numpy(), theirs.detach().numpy()) <= tolerance(0.0)


@pytest.mark.parametrize("label", [1, 0])
def test_points_and_padding_are_the_prompt_encoders(encoder: Any, label: int) -> None:
    points = torch.rand(2, 3, 2) * 1024
    sparse, dense = encoder((points, torch.full((2, 3), label)), None, None)
    own = run("forward_point" if label else "backward_point", points)
    assert same(torch.cat([own, run("no_box", points)], 1), sparse)
    assert same(run("no_mask", points), dense)


def test_boxes_and_masks_are_the_prompt_encoders(encoder: Any) -> None:
    corners, masks = torch.rand(2, 2, 2) * 1024, torch.randn(2, 1, 256, 256)
    sparse, dense = encoder(None, corners.reshape(2, 4), masks)
    assert same(run("box", corners), sparse)
    assert same(run("mask", masks), dense)


def test_the_decoder_is_the_mask_decoder(encoder: Any) -> None:
    image, sparse, dense = torch.randn(1, 256, 64, 64), torch.randn(2, 3, 256), torch.randn(2, 256, 64, 64)
    masks, iou = mobile_sam.part("decoder")(image, sparse, dense)
    decoder = mobile_sam.untrained("mask_decoder")
    for several, chosen in ((True, slice(1, None)), (False, slice(0, 1))):
        theirs = decoder(image, encoder.get_dense_pe(), sparse, dense, several)
        assert same(masks[:, chosen], theirs[0]) and same(iou[:, chosen], theirs[1])


@pytest.mark.parametrize("name", SMALL)
def test_every_line_of_the_small_parts_equals_the_original(name: str) -> None:
    report = Session.of_port("mobile_sam", name).check()
    assert report.passed, str(report)
    assert not report.uncovered and len(report.warnings) == 0, report.warnings


def test_a_checkpoint_of_the_whole_or_of_a_part(tmp_path: Path) -> None:
    model = mobile_sam.build()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.01)
    torch.save(model.state_dict(), tmp_path / "mobile_sam.pt")
    part = mobile_sam.part("decoder", tmp_path / "mobile_sam.pt")
    torch.save(part.state_dict(), tmp_path / "decoder.pt")
    again = mobile_sam.part("decoder", tmp_path / "decoder.pt")
    own = {f"decoder.{name}": value for name, value in model.mask_decoder.state_dict().items()}
    for name, value in own.items():
        assert torch.equal(part.state_dict()[name], value) and torch.equal(again.state_dict()[name], value)


def test_the_attention_biases_of_a_checkpoint_count(tmp_path: Path) -> None:
    """The package's own loading leaves the table of a model that was in eval mode at zeros."""
    model = mobile_sam.build()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("attention_biases"):
                parameter.normal_()
    torch.save(model.state_dict(), tmp_path / "mobile_sam.pt")
    attention = mobile_sam.part("image_encoder", tmp_path / "mobile_sam.pt").layers[1].blocks[0].attn
    assert attention.ab.abs().max() > 1
    assert torch.equal(attention.ab, attention.attention_biases[:, attention.attention_bias_idxs])


def test_a_checkpoint_of_another_size_is_told(tmp_path: Path) -> None:
    state = mobile_sam.build().state_dict()
    state = {name.replace("image_encoder.layers", "image_encoder.blocks"): value for name, value in state.items()}
    torch.save(state, tmp_path / "sam_vit_b.pt")
    with pytest.raises((WorkbenchError, WorkbenchErrors), match="the checkpoint has no 'image_encoder"):
        mobile_sam.part("image_encoder", tmp_path / "sam_vit_b.pt")


@pytest.mark.parametrize(("arguments", "message"), [
    (["--point", "5"], "--point 5: expected X,Y or X,Y,- in the picture's pixels"),
    (["--point", "5,x"], "--point 5,x: expected X,Y"),
    (["--box", "1,2,3"], "--box 1,2,3: expected X1,Y1,X2,Y2"),
    (["--box", "1,2,3,4", "--box", "5,6,7,8"], "2 boxes for one object"),
    (["--point", "500,20,-"], "500,20 is outside the picture"),
    (["--box", "9,9,5,5"], "x1 < x2"),
    (["--weights", "neck=x"], "mobile_sam has no part 'neck'"),
])  # fmt: skip
def test_mistakes_on_the_command_line_are_told(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (300, 200)).save("x.png")
    (tmp_path / "weights").mkdir()
    for part in PORT.parts:
        part.weights_path.write_bytes(b"")  # prompts are judged before anything is opened
    assert main(PORT, ["x.png", *arguments]) == 2
    assert message in capsys.readouterr().err
