"""SoyNet's Python module, on the workbench's engines: a client program changes its import and nothing else.

    from workbench.soynet import *
    handle = initSoyNet("yolov8n.cfg", "BATCH_SIZE=1 RE_SIZE=360,640 ...")
    feedData(handle, 0, pictures); inference(handle); getOutput(handle, 0, rows)
    freeSoyNet(handle)

What is wrong raises WorkbenchError. docs/soynet.md tells what is the same, what differs and what is ignored.
"""

from workbench.soynet.coco import coco_label, colors
from workbench.soynet.handles import feedData, freeSoyNet, getOutput, inference, initSoyNet
from workbench.soynet.yolo import YOLO_RESULT, YOLO_SIZE, calc_resize_yolo

__all__ = [
    "YOLO_RESULT",
    "YOLO_SIZE",
    "calc_resize_yolo",
    "coco_label",
    "colors",
    "feedData",
    "freeSoyNet",
    "getOutput",
    "inference",
    "initSoyNet",
]
