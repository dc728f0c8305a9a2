"""Convolutions of every sort, pools and a classifier's head."""

from typing import Any

import torch
from torch import nn

SHAPE = (2, 6, 21, 20)

CONFIG = """\
[input]  refname=X shape=2,6,21,20 dtype=f32 name=input
[conv2d] channel=8 kernel=3 stride=2 pad=1 weight_order=wrbmv act=leaky act_alpha=0.1 name=entry
[conv2d] channel=8 kernel=3 pad=2 dilation=2 group=8 act=silu                         name=depthwise
[pool2d] mode=avg kernel=3 stride=2 pad=1 count_include_pad=1                         name=mean
[conv2d] channel=12 kernel=1 weight_order=wa act=relu6                                name=mix
[pool2d] mode=max kernel=3 stride=2 ceil_mode=1                                       name=largest
[conv2d] channel=12 kernel=1,3 pad=0,1 group=2 act=gelu                               name=wide
[conv2d] channel=12 kernel=2 weight_order=w act=elu act_alpha=0.7                     name=bare
[pool2d] mode=avg kernel=2 stride=1 pad=1                                             name=soft
[conv2d] channel=12 kernel=3 pad=1 weight_order=wa act=gelu2                          name=square
[pool2d] mode=adapavg output_size=1                                                   name=pool
[reshape] shape=2,12                                                                  name=flatten
[dense]  hidden=12 act=tanh                                                           name=hidden
[dense]  hidden=5                                                                     name=fc
[softmax] axis=1 refname=Y                                                            name=output
[output] refname=Y
"""


class Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        conv, norm = nn.Conv2d, nn.BatchNorm2d
        self.entry = nn.Sequential(conv(6, 8, 3, 2, 1, bias=False), norm(8), nn.LeakyReLU(0.1))
        self.depthwise = nn.Sequential(conv(8, 8, 3, padding=2, dilation=2, groups=8), nn.SiLU())
        self.mean = nn.AvgPool2d(3, 2, 1, count_include_pad=True)
        self.mix = nn.Sequential(conv(8, 12, 1, bias=False), norm(12), nn.ReLU6())
        self.largest = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.wide = nn.Sequential(conv(12, 12, (1, 3), padding=(0, 1), groups=2), nn.GELU())
        self.bare = nn.Sequential(conv(12, 12, 2, bias=False), nn.ELU(0.7))
        self.soft = nn.AvgPool2d(2, 1, 1, count_include_pad=False)
        self.square = nn.Sequential(conv(12, 12, 3, padding=1, bias=False), norm(12), nn.GELU("tanh"))
        self.pool, self.flatten = nn.AdaptiveAvgPool2d(1), nn.Flatten()
        self.hidden = nn.Sequential(nn.Linear(12, 12), nn.Tanh())
        self.fc = nn.Linear(12, 5)

    def forward(self, x: Any) -> Any:
        for module in self.children():
            x = module(x)
        return torch.softmax(x, 1)
