"""YOLOv8n for `workbench bench`: ultralytics' network (AGPL-3.0, only the original being ported) and a tied config.

    python benchmarks/yolov8n.py SPECIMEN.cfg OUT.cfg

writes the specimen without what comes before and after the network (the picture's preparation, NMS), fed with float32,
and with the original's names tied to its lines. Then, from the checkout's root:

    workbench bench benchmarks.yolov8n:original --example 1,3,640,640 --config OUT.cfg
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

INPUT = ["[input] refname=PREPROC shape=$BATCH_SIZE,3,640,640 dtype=f32 name=input"]
LINE = re.compile(r"\[(\w+)\]")


def original() -> Any:
    """YOLOv8n of ultralytics with seeded random weights and batch statistics: [b, 3, 640, 640] → BOX, CLS."""
    import torch
    from ultralytics.nn.tasks import DetectionModel

    class Detector(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = DetectionModel("yolov8n.yaml", verbose=False)

        def fuse(self) -> None:
            self.net.fuse(verbose=False)

        def forward(self, x: Any) -> tuple[Any, Any]:
            rows = self.net(x)[0].transpose(1, 2)
            return rows[..., :4], rows[..., 4:]

    torch.manual_seed(0)
    model = Detector()
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
            module.weight.data.uniform_(0.8, 1.2)
            module.bias.data.normal_(0, 0.1)
    return model.eval()


def layers() -> Iterator[tuple[str, str]]:
    """(kind of line, module or operator of the original that it equals), in the specimen's order."""
    repeats = {2: 1, 4: 2, 6: 2, 8: 1, 12: 1, 15: 1, 18: 1, 21: 1}  # bottlenecks of each C2f
    for i in range(22):
        root = f"net.model.{i}"
        if i in repeats:
            yield from (("conv2d", f"{root}.cv1"), ("chunk", f"{root}/chunk.0:0,{root}/chunk.0:1"))
            for j in range(repeats[i]):
                yield from (("conv2d", f"{root}.m.{j}.cv{k}") for k in (1, 2))
                if i < 10:  # those of the neck add nothing
                    yield "eltwise", f"{root}.m.{j}"
            yield from (("concat", f"{root}/cat.0"), ("conv2d", f"{root}.cv2"))
        elif i == 9:
            yield "conv2d", f"{root}.cv1"
            yield from (("pool2d", f"{root}.m{call}") for call in ("", "@1", "@2"))
            yield from (("concat", f"{root}/cat.0"), ("conv2d", f"{root}.cv2"))
        else:
            yield {10: "upsample", 11: "concat", 13: "upsample", 14: "concat"}.get(i, "concat" if i in (17, 20) else
                                                                                  "conv2d"), root  # fmt: skip
    for scale in range(3):
        yield from (("conv2d", f"net.model.22.cv{2 + kind}.{scale}.{k}") for kind in (0, 1) for k in range(3))
    yield "conv2d", "net.model.22.dfl.conv"
    yield from (("trans", "output"), ("trans", "output:1"))


def tied(text: str) -> str:
    """The specimen from its first convolution to its last box, with names."""
    body = text[text.index("\n", text.index("[preproc]")) : text.index("[nms]")]
    ties, lines = layers(), []
    kind, tie = next(ties)
    for line in body.splitlines():
        found = LINE.match(line)
        if found and found[1] == kind:
            line = f"{line.split('#')[0].rstrip()} name={tie}"
            kind, tie = next(ties, ("", ""))
        lines.append(line)
    head, tail = ["[model] name=yolov8n prec_mode=f32", *INPUT], ["[output] refname=BOX,CLS", "[end]", ""]
    return "\n".join([*head, *lines, *tail]).replace("$CLASS_COUNT", "80")


if __name__ == "__main__":
    specimen, out = map(Path, sys.argv[1:])
    out.write_text(tied(specimen.read_text(encoding="utf-8")), encoding="utf-8")
