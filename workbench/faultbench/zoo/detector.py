"""A detector from the picture's bytes to boxes, decoded from anchors and from distances."""

from typing import Any

import numpy as np
import torch
from torch import nn

SHAPE = (1, 3, 32, 48)
PICTURE = (1, 24, 44, 3)
MEAN, STD, PAD = (123.0, 116.0, 103.0), (58.0, 57.0, 59.0), (3, 5, 1, 3)
ANCHORS = (10, 13, 16, 30, 33, 23)

CONFIG = """\
[input]   refname=PICTURE shape=1,24,44,3 dtype=u8
[preproc] mode=generic hwc=1 bgr=1 pre_order=1,0 mean=123,116,103 std=58,57,59 pad=3,5,1,3 pad_value=114 name=input
[conv2d]  channel=12 kernel=3 stride=2 pad=1 weight_order=wrbmv act=silu              name=stem
[conv2d]  channel=16 kernel=3 stride=4 pad=1 act=silu refname=M8                      name=fine
[conv2d]  channel=16 kernel=3 stride=2 pad=1 act=silu refname=M16                     name=coarse
[conv2d]  input=M8 channel=24 kernel=1                                                name=anchored
[yolo]    mode=yolov5 class_count=3 stride=8 anchor=10,13,16,30,33,23 refname=B5,S5   name=decode
[conv2d]  input=M8 channel=4 kernel=1                                                 name=near8
[reshape] shape=1,4,24 refname=D8                                                     name=/view.0
[conv2d]  input=M16 channel=4 kernel=1                                                name=near16
[reshape] shape=1,4,6 refname=D16                                                     name=/view.1
[concat]  input=D8,D16 axis=2                                                         name=/cat.0
[dist2bbox] input=*,M8,M16 bbox_type=xywh                                             name=distances
[trans]   order=0,2,1 refname=B8                                                      name=/permute.0
[concat]  input=B5,B8 axis=1 refname=BOXES                                            name=output
[output]  refname=BOXES,S5
"""


def picture(rng: np.random.Generator) -> np.ndarray:
    return rng.integers(0, 256, PICTURE, dtype=np.uint8)


def prepared(image: np.ndarray) -> np.ndarray:
    """RGB bytes → BGR, padded with grey, normalised, NCHW: what the network is fed."""
    top, bottom, left, right = PAD
    image = image[..., ::-1].astype(np.float32)
    image = np.pad(image, ((0, 0), (top, bottom), (left, right), (0, 0)), constant_values=114)
    return np.ascontiguousarray(
        ((image - np.array(MEAN, np.float32)) / np.array(STD, np.float32)).transpose(0, 3, 1, 2)
    )


class Anchored(nn.Module):
    """YOLOv5's boxes and confidences of one map."""

    def forward(self, x: Any) -> tuple[Any, Any]:
        n, _, h, w = x.shape
        x = x.view(n, 3, 8, h, w).permute(0, 1, 3, 4, 2).sigmoid()
        y, column = torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")
        xy = (x[..., :2] * 2 - 0.5 + torch.stack([column, y], -1)) * 8
        wh = (x[..., 2:4] * 2) ** 2 * torch.tensor(ANCHORS).view(1, 3, 1, 1, 2)
        boxes, scores = torch.cat([xy, wh], -1), x[..., 4:5] * x[..., 5:]
        return boxes.reshape(n, -1, 4), scores.reshape(n, -1, 3)


class Distances(nn.Module):
    """YOLOv8's centre and size from distances to the four sides, for maps of 8 and 16 pixels a cell."""

    def forward(self, x: Any, fine: Any, coarse: Any) -> Any:
        cells, strides = [], []
        for map_, stride in ((fine, 8.0), (coarse, 16.0)):
            h, w = map_.shape[2:]
            y, column = torch.meshgrid(torch.arange(h) + 0.5, torch.arange(w) + 0.5, indexing="ij")
            cells.append(torch.stack([column, y]).reshape(2, -1))
            strides.append(torch.full((h * w,), stride))
        centre = torch.cat(cells, 1)
        first, last = centre - x[:, :2], centre + x[:, 2:]
        return torch.cat([(first + last) / 2, last - first], 1) * torch.cat(strides)


class Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        conv = nn.Conv2d
        self.stem = nn.Sequential(conv(3, 12, 3, 2, 1, bias=False), nn.BatchNorm2d(12), nn.SiLU())
        self.fine = nn.Sequential(conv(12, 16, 3, 4, 1), nn.SiLU())
        self.coarse = nn.Sequential(conv(16, 16, 3, 2, 1), nn.SiLU())
        self.anchored, self.near8, self.near16 = conv(16, 24, 1), conv(16, 4, 1), conv(16, 4, 1)
        self.decode, self.distances = Anchored(), Distances()

    def forward(self, x: Any) -> Any:
        fine = self.fine(self.stem(x))
        coarse = self.coarse(fine)
        boxes, scores = self.decode(self.anchored(fine))
        near = torch.cat([self.near8(fine).view(1, 4, 24), self.near16(coarse).view(1, 4, 6)], 2)
        return torch.cat([boxes, self.distances(near, fine, coarse).permute(0, 2, 1)], 1), scores
