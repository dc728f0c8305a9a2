"""Branches: slices, chunks, concats in several orders, sums, products, gates, rolls and pads."""

from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

SHAPE = (1, 3, 16, 12)

CONFIG = """\
[default] type=conv2d act=silu
[default] type=concat axis=1
[input]   refname=X shape=1,3,16,12 dtype=f32 name=input
[slice]   input=X start=0,0,0,0 shape=1,3,8,6 stride=1,1,2,2 refname=S00 name=/slice.1
[slice]   input=X start=0,0,1,0 shape=1,3,8,6 stride=1,1,2,2 refname=S10 name=/slice.3
[slice]   input=X start=0,0,0,1 shape=1,3,8,6 stride=1,1,2,2 refname=S01 name=/slice.5
[concat]  input=S00,S10,S01                                  name=/cat.0
[conv2d]  channel=8 kernel=3 pad=1 refname=A                 name=stem
[chunk]   count=2 axis=1 refname=L,R                         name=/chunk.0
[conv2d]  input=R channel=4 kernel=3 pad=1 refname=R1        name=one
[conv2d]  channel=4 kernel=3 pad=1 refname=R2                name=two
[eltwise] mode=add input=R1,R2 refname=R3                    name=/add.0
[concat]  input=L,R,R1,R3 refname=C                          name=/cat.1
[pool2d]  mode=adapavg output_size=1                         name=pool
[conv2d]  channel=16 kernel=1 act=sigmoid refname=G          name=gate
[eltwise] mode=mul input=C,G refname=M                       name=/mul.0
[roll]    input=M axis=2,3 shift=2,-1 refname=W              name=/roll.0
[eltwise] mode=sub input=M,W refname=D                       name=/sub.0
[eltwise] mode=max input=D,W                                 name=/maximum.0
[pad]     mode=reflect pad=1,2                               name=/pad.0
[conv2d]  channel=6 kernel=3 act=identity refname=E          name=mix
[clamp]   value=-0.4,0.6 refname=F                           name=/clamp.0
[concat]  input=E,F axis=2                                   name=/cat.2
[trans]   order=0,2,3,1                                      name=/permute.0
[reshape] shape=1,-1,6 refname=Y                             name=output
[output]  refname=Y
"""


class Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem, self.one, self.two = self.conv(9, 8), self.conv(4, 4), self.conv(4, 4)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.gate = nn.Sequential(nn.Conv2d(16, 16, 1), nn.Sigmoid())
        self.mix = nn.Conv2d(16, 6, 3)

    @staticmethod
    def conv(inputs: int, outputs: int) -> nn.Module:
        return nn.Sequential(nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.SiLU())

    def forward(self, x: Any) -> Any:
        a = self.stem(torch.cat([x[..., ::2, ::2], x[..., 1::2, ::2], x[..., ::2, 1::2]], 1))
        left, right = a.chunk(2, 1)
        one = self.one(right)
        c = torch.cat([left, right, one, one + self.two(one)], 1)
        m = c * self.gate(self.pool(c))
        w = torch.roll(m, (2, -1), (2, 3))
        e = self.mix(F.pad(torch.maximum(m - w, w), (2, 2, 1, 1), mode="reflect"))
        return torch.cat([e, e.clamp(-0.4, 0.6)], 2).permute(0, 2, 3, 1).reshape(1, -1, 6)
