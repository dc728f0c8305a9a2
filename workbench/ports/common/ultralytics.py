"""The originals of YOLOv8's tasks, out of the package ultralytics (AGPL-3.0): loaded only when an original runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from workbench.config.variables import Params
from workbench.errors import WorkbenchError
from workbench.graph import TensorSpec
from workbench.ports.base import Arrays, Part
from workbench.ports.common.seeded import seeded
from workbench.ports.common.yolov8 import (
    BOXES,
    CLASSES,
    CONFIDENCE,
    IMAGE,
    IMAGES,
    IOU,
    MOST,
    SCORES,
    make_feeds,
    to_original,
)

SCALES = {16: "n", 32: "s"}  # the first convolution's channels, and the size of the model that has them


def model_class(name: str, classes: int) -> Any:
    """ultralytics' model class of that name, whose one tensor of predictions is told apart into its parts at the end.

    In eval mode it gives boxes [b, 4, a], scores [b, classes, a], what is left [b, e, a], and any further outputs.
    Raises WorkbenchError where the package is not installed.
    """
    try:
        from ultralytics.nn import tasks
    except ImportError as error:
        raise WorkbenchError(
            f"the original needs ultralytics: {error}", note="pip install 'porting-workbench[models-agpl]'"
        ) from error

    class Parts(getattr(tasks, name)):  # type: ignore[misc]
        def forward(self, x: Any, *args: Any, **options: Any) -> Any:
            y = super().forward(x, *args, **options)
            if self.training or not isinstance(y, tuple):  # a pass of the constructor's, for its strides
                return y
            rows, *more = y[0] if isinstance(y[0], tuple) else y[:1]
            return rows[:, :4], rows[:, 4 : 4 + classes], rows[:, 4 + classes :], *more

    return Parts


def original(make: Callable[[str], Any], scale: str, checkpoint: str | Path | None) -> Any:
    """The model that `make` builds for a scale (n or s), in eval mode.

    Its weights are those of `checkpoint`, a state_dict of ultralytics' names, whose scale counts. Without one they are
    random, and the class biases so high that there is something to find.
    """
    if checkpoint is None:
        return _findable(seeded(lambda: make(scale), _pictures()))
    from workbench.weights.checkpoint import load_into

    state = _state(checkpoint)
    first = state.get("model.0.conv.weight")
    if first is None:
        raise WorkbenchError(
            "expected a state_dict of ultralytics' names, one of them 'model.0.conv.weight'; it has none",
            str(checkpoint),
            "torch.save(model.state_dict(), FILE) of the task's model, such as PoseModel, has these names",
        )
    if len(first) not in SCALES:
        raise WorkbenchError(
            "expected a 'model.0.conv.weight' of 16 output channels (YOLOv8n) or 32 (YOLOv8s); "
            f"got one of {len(first)}",
            str(checkpoint),
            "larger sizes have more layers: they need a config of their own",
        )
    model = make(SCALES[len(first)])
    load_into(model, state, checkpoint)
    return model.eval()


def _state(path: str | Path) -> Any:
    """The state_dict; a pickled model, as ultralytics' own .pt files are, is refused with the way out."""
    from workbench.weights.checkpoint import load_checkpoint

    try:
        return load_checkpoint(path)
    except WorkbenchError as error:
        if "pickled" not in error.problem:
            raise
        note = (
            "ultralytics' own .pt files are pickled models. If you trust it, write its tensors once:  "
            "import torch, ultralytics;  "
            f"torch.save(ultralytics.YOLO('{Path(path).name}').model.float().state_dict(), 'state.pt')"
        )
        raise WorkbenchError(error.problem, str(path), note) from error


def _pictures() -> Any:
    """Two of the usual size, [2, 3, 640, 640]."""
    import torch

    (x,) = to_original(make_feeds({IMAGE: TensorSpec((2, 640, 640, 3), "u8")}))
    return torch.from_numpy(x)


def _findable(model: Any) -> Any:
    """Random heads made to find something: varied values, boxes of a few cells, 20 likely on each map."""
    import torch

    head, values = model.model[-1], {}
    lasts = [branch[-1] for branches in (head.cv2, head.cv3, head.cv4) for branch in branches]
    hooks = [last.register_forward_hook(lambda m, _, y: values.update({m: y})) for last in lasts]
    with torch.no_grad():
        model(_pictures())
        for hook in hooks:
            hook.remove()
        for last, y in values.items():
            stretch = 1.5 / y.std((0, 2, 3)).clamp(min=1e-3)
            last.weight.mul_(stretch[:, None, None, None])
            last.bias.mul_(stretch)
            values[last] = y * stretch[:, None, None]
        for branch in head.cv2:
            branch[-1].bias.copy_((-0.5 * torch.arange(16.0)).repeat(4))
        for branch in head.cv3:
            best = values[branch[-1]].amax(1).flatten()
            branch[-1].bias.add_(torch.logit(torch.tensor(CONFIDENCE)) - best.quantile(1 - 40 / len(best)))
    return model


def kept(boxes: Any, scores: Any, more: Any) -> tuple[Arrays, Sequence[Any]]:
    """What non_max_suppression of ultralytics keeps, under the configs' names; and each image's part of `more`."""
    import torch
    from ultralytics.utils.nms import non_max_suppression

    rows = torch.cat([boxes, scores, more], 1)
    found = non_max_suppression(rows, CONFIDENCE, IOU, max_det=MOST, nc=scores.shape[1])
    images = torch.cat([torch.full((len(rows),), i) for i, rows in enumerate(found)])
    every = torch.cat(found)
    return {
        IMAGES: images.int().numpy(),
        BOXES: every[:, :4].numpy(),
        CLASSES: every[:, 5].int().numpy(),
        SCORES: every[:, 4].numpy(),
    }, [rows[:, 6:].numpy() for rows in found]


def predictor(model: Any, size: Sequence[int]) -> Callable[[np.ndarray], Any]:
    """ultralytics' own predictor around the model, letterboxing to a fixed size: u8 [h, w, 3] RGB → its Results.

    Its steps are called one by one; what else its stream does (sources, saving, callbacks) is left out.
    """
    import torch
    from ultralytics.models.yolo.pose import PosePredictor
    from ultralytics.models.yolo.segment import SegmentationPredictor

    points = getattr(model.model[-1], "kpt_shape", None)
    cls = PosePredictor if points else SegmentationPredictor
    steps: Any = cls(overrides={"conf": CONFIDENCE, "iou": IOU, "max_det": MOST, "save": False, "verbose": False})
    # A format other than pt keeps the letterbox from shrinking to the picture's own ratio.
    steps.model = SimpleNamespace(names=model.names, kpt_shape=points, format="onnx", stride=32, fp16=False)
    steps.imgsz, steps.device, steps.batch = tuple(size), torch.device("cpu"), (["x.jpg"],)

    def predict(picture: np.ndarray) -> Any:
        bgr = np.ascontiguousarray(picture[..., ::-1])
        with torch.inference_mode():
            x = steps.preprocess([bgr])
            boxes, scores, more, *proto = model(x)
            rows = torch.cat([boxes, scores, more], 1)
            return steps.postprocess(((rows, *proto), None) if proto else (rows, None), x, [bgr])[0]

    return predict


def upstream(part: Part, params: Params) -> Callable[[np.ndarray], Any]:
    """A part's original at its best, fused, in ultralytics' own predictor, of the size that the params state."""
    model = part.original()
    model.fuse(verbose=False)
    return predictor(model, part.inputs(params)[IMAGE].shape[1:3])
