"""The originals of YOLOv8's tasks, out of the package ultralytics (AGPL-3.0): loaded only when an original runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from workbench.errors import WorkbenchError
from workbench.ports.common.seeded import seeded
from workbench.ports.common.yolov8 import CONFIDENCE, IOU, MOST, make_feeds, to_original
from workbench.graph import TensorSpec

SCALES = {16: "n", 32: "s"}  # the first convolution's channels, and the size of the model that has them


def tasks() -> Any:
    """ultralytics.nn.tasks. Raises WorkbenchError where the package is not installed."""
    try:
        from ultralytics.nn import tasks
    except ImportError as error:
        raise WorkbenchError(
            f"the original needs ultralytics: {error}", note="pip install 'porting-workbench[models-agpl]'"
        ) from error
    return tasks


def original(make: Callable[[str], Any], scale: str, checkpoint: str | Path | None) -> Any:
    """The model that `make` builds for a scale (n or s), in eval mode.

    Its weights are those of `checkpoint`, a state_dict of ultralytics' names, whose scale counts; without one they are
    random, and the class biases so high that there is something to find.
    """
    if checkpoint is None:
        return _findable(seeded(lambda: make(scale), _pictures(2)))
    from workbench.weights.checkpoint import load_checkpoint, load_into

    state = _loaded(checkpoint, load_checkpoint)
    first = state.get("model.0.conv.weight")
    if first is None or len(first) not in SCALES:
        got = "none" if first is None else f"one of {len(first)} channels"
        raise WorkbenchError(
            f"expected a first convolution 'model.0.conv.weight' of {' or '.join(map(str, SCALES))} channels, which "
            f"are YOLOv8n's and YOLOv8s's; got {got}",
            str(checkpoint),
            "larger models have more layers: they need a config of their own",
        )
    model = make(SCALES[len(first)])
    load_into(model, state, checkpoint)
    return model.eval()


def _loaded(path: str | Path, load: Callable[[str | Path], Any]) -> Any:
    """The state_dict; a pickled model, as ultralytics' own .pt files are, is refused with the way out."""
    try:
        return load(path)
    except WorkbenchError as error:
        if "pickled" not in error.problem:
            raise
        note = (
            "an ultralytics .pt file is a pickled model. If you trust it, write its tensors once: "
            f"torch.save(YOLO('{Path(path).name}').model.float().state_dict(), 'weights.pt'), and give that file"
        )
        raise WorkbenchError(error.problem, str(path), note) from error


def _pictures(batch: int) -> Any:
    import torch

    (x,) = to_original(make_feeds({"IMAGE": TensorSpec((batch, 320, 320, 3), "u8")}))
    return torch.from_numpy(x)


def _findable(model: Any) -> Any:
    """Random heads made to find something: scores that vary, a hundredth of them above the threshold, varied boxes."""
    import torch

    head, values = model.model[-1], {}
    lasts = [*(branch[-1] for branch in (*head.cv2, *head.cv3, *head.cv4))]
    hooks = [last.register_forward_hook(lambda m, _, y: values.__setitem__(m, y)) for last in lasts]
    with torch.no_grad():
        model(_pictures(2))
        for hook in hooks:
            hook.remove()
        for last in lasts:
            last.weight.mul_(1.5 / values[last].std(dim=(0, 2, 3)).clamp(min=1e-3)[:, None, None, None])
        for last in head.cv2:
            last[-1].bias.copy_((-0.5 * torch.arange(16.0)).repeat(4))  # distances of a few cells
        for last in head.cv4:
            last[-1].bias.zero_()
        for last in head.cv3:
            last[-1].bias.zero_()
        handle = [last[-1].register_forward_hook(lambda m, _, y: values.__setitem__(m, y)) for last in head.cv3]
        model(_pictures(2))
        for hook in handle:
            hook.remove()
        best = torch.cat([values[last[-1]].amax(1).flatten() for last in head.cv3])
        threshold = torch.logit(torch.tensor(CONFIDENCE)) - best.quantile(0.99)
        for last in head.cv3:
            last[-1].bias.add_(threshold)
    return model
