"""YOLOX-tiny: the PyTorch original is the ONNX file's network, and finds what ddddocr finds."""

import io

import ddddocr
import numpy as np
import onnxruntime
import pytest
import torch

from workbench.compare.verdict import error
from workbench.errors import WorkbenchError
from workbench.ports import yolox_tiny_text as port
from workbench.ports.common.boxes import iou
from workbench.ports.common.onnx_weights import load_convolutions


@pytest.fixture(scope="module")
def model() -> torch.nn.Module:
    return port.original()


def test_the_original_is_the_onnx_files_network(model: torch.nn.Module) -> None:
    """Measured: 2.7e-6 of the range of x, y; 1.2e-6 of w, h; 1.8e-6 of objectness; 1.7e-6 of class scores.

    The file's exporter rounded each folded batch norm to float32, and onnxruntime sums in another order: two errors
    of the size of the float32 noise, 1.7e-6, for which the verdict's K is made.
    """
    (x,) = port.PORT.part().example()
    (theirs,) = onnxruntime.InferenceSession(port.onnx_file()).run(None, {"images": x.numpy()})
    with torch.inference_mode():
        model.head.decode_in_inference = False  # the file leaves decoding to its reader
        ours = model.head(model.backbone(x)).numpy()
        model.head.decode_in_inference = True
    parts = {"xy": slice(0, 2), "wh": slice(2, 4), "objectness": slice(4, 5), "class": slice(5, 6)}
    errors = {name: error(ours[..., part], theirs[..., part]) for name, part in parts.items()}
    assert max(errors.values()) <= port.PORT.tolerance, errors


def test_it_finds_what_ddddocr_finds() -> None:
    """All 56 of ddddocr's boxes, cut down to whole pixels, and at most a few more near its threshold.

    ddddocr resizes with OpenCV, whose rounding differs from ours by one grey level in an eighth of the pixels.
    """
    picture, file = port.sample(), io.BytesIO()
    picture.save(file, "PNG")
    theirs = ddddocr.DdddOcr(det=True, ocr=False, show_ad=False).detection(file.getvalue())
    prepared = port.preprocess(picture, port.PORT.part().inputs())
    ours = port.postprocess(port.PORT.part().run_original(prepared.feeds), prepared.geometry)
    assert len(theirs) > 50
    for box in np.asarray(theirs, float):
        nearest = ours.boxes[iou(box, ours.boxes).argmax()]
        assert np.abs(nearest - box).max() < 1.5, box
    sure = ours.scores > port.CONFIDENCE + 0.01
    assert sure.sum() <= len(theirs) <= len(ours.scores) + 1


def test_a_users_checkpoint_is_loaded(model: torch.nn.Module, tmp_path) -> None:
    state = {name: t + 1 if name == "head.stems.0.bn.bias" else t for name, t in model.state_dict().items()}
    torch.save({"model": state}, tmp_path / "mine.pth")
    mine = port.original(tmp_path / "mine.pth").state_dict()
    assert all(torch.equal(mine[name], t) for name, t in state.items())


def test_another_models_onnx_file_is_refused(model: torch.nn.Module) -> None:
    with pytest.raises(WorkbenchError, match="expected 5 convolutions as the model calls them; got 83"):
        load_convolutions(model.backbone.backbone.dark2[1], port.onnx_file(), torch.zeros(1, 48, 8, 8))
