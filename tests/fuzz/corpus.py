"""Sound seeds of everything a user can hand in: configs of every layer, dictionaries, weights, parameters."""

import numpy as np

from workbench.config.dictionary import builtin
from workbench.graph import TensorSpec
from workbench.layers import LAYERS
from workbench.weights import write_weights

PARAMS = "BATCH=2 SIZE=8,6 CLASSES=3 NAME=net TOP=1 THRES=0.25"
NETWORK = """\
[model] name=$NAME weight_file=none.weights license_file=key.txt # \xea\xb0\x80
[input] refname=X shape=$BATCH,$SIZE,3 dtype=u8
[default] type=conv2d kernel=1 stride=1 pad=0 act=silu weight_order=wa
[preproc] mode=generic std=255 hwc=1 bgr=1 pad=$TOP,1,0,0 pad_value=114 pre_order=1,0 refname=P
[conv2d] channel=8 kernel=3 pad=1 refname=A weight=W,B [conv2d] input=P channel=8 kernel=3 pad=1 refweight=W,B
[eltwise] input=A,* mode=add act=relu refname=S
[chunk] count=2 axis=1 refname=C0,C1
[conv2d] input=C0 channel=$CLASSES*3+15 weight_order=wrbmv act=identity
[yolo] mode=yolov5 class_count=$CLASSES stride=8 anchor=1,2,3,4,5,6 refname=BOX,CLS
[nms] input=BOX,CLS mode=trt class_count=$CLASSES bbox_type=xywh count_per_class=5 conf_thres=$THRES
[nms_merge] input=*,BOX,CLS,P mode=yolov5 org_size=16,12 result_count=4
[output] refname=*,C1 [end]
what follows is ignored [junk
"""
V4 = """\
[system] license_file=a engine_serialize=1 precision_mode=32
[model] name=m input=XX,$BATCH,$SIZE,3,u8
[default] type=pooling mode=max
[preproc] input_mode=hwc3_bgr8 norm_mode=zp1 output=IMAGE
[conv2d] channel=4 kernel=3 pad=same act=leaky,0.1 output=A
[pooling] kernel=2 output=B [trans] order=1,2,0 [reshape] shape=-1 output=FINAL*
[end]
"""


def configs():
    """The network, its V4 cousin, and a small config around every case of every layer."""
    texts = [NETWORK.encode("latin-1"), V4.encode()]
    for tag, cls in LAYERS.items():
        for case in cls.CASES[:3] if tag != "input" else ():
            lines = [f"[input] refname=I{i} shape={','.join(map(str, s.shape))} dtype={s.dtype}"
                     for i, s in enumerate(case.specs or [TensorSpec((1,))])]  # fmt: skip
            inputs = f" input={','.join(f'I{i}' for i in range(len(case.specs)))}" if case.specs else ""
            texts.append("\n".join([*lines, f"[{tag}] {case.keys}{inputs}", "[output] refname=*\n"]).encode())
    return texts


def dictionaries(folder):
    path = folder / "seed.dct"
    builtin().write(path)
    lines = path.read_bytes().splitlines(keepends=True)
    return [b"".join(lines[i : i + 30]) for i in range(0, len(lines), 30)]


def weights(folder):
    """A file with counts and CRC, and one as others write them, with zeros there."""
    path = folder / "seed.weights"
    write_weights(path, np.linspace(-1, 1, 40, dtype=np.float32))
    data = path.read_bytes()
    return [data, data[:12] + bytes(28) + data[40:]]
