"""Norms over every set of axes, and activations that the others lack."""

from typing import Any

import torch
from torch import nn

SHAPE = (2, 8, 6, 5)

CONFIG = """\
[input]  refname=X shape=2,8,6,5 dtype=f32 name=input
[norm]   mode=group group=4 weight_order=rb act=silu              name=group
[conv2d] channel=12 kernel=3 pad=1 act=mish                       name=one
[norm]   mode=instance eps=1e-3 weight_order=rb                   name=instance
[bn]     weight_order=rbmv act=relu                               name=batch
[trans]  order=0,2,3,1                                            name=/permute.0
[norm]   mode=layer eps=1e-6 weight_order=rb                      name=layer
[dense]  hidden=12 act=softplus                                   name=two
[trans]  order=0,3,1,2 refname=T                                  name=/permute.1
[conv2d] channel=12 kernel=3 pad=1 act=hard_sigmoid refname=G     name=three
[eltwise] mode=mul input=T,G                                      name=/mul.0
[scale]  scale=0.25 shift=0.1                                     name=/add.0
[conv2d] channel=8 kernel=3,2 pad=1,0 weight_order=wrbmv bn_eps=1e-3 name=four
[reduce] mode=mean axis=2,3 keepdim=0                             name=/mean.0
[softmax] axis=1 refname=Y                                        name=output
[output] refname=Y
"""


class Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        conv = nn.Conv2d
        self.group = nn.Sequential(nn.GroupNorm(4, 8), nn.SiLU())
        self.one = nn.Sequential(conv(8, 12, 3, padding=1), nn.Mish())
        self.instance = nn.InstanceNorm2d(12, eps=1e-3, affine=True)
        self.batch = nn.Sequential(nn.BatchNorm2d(12), nn.ReLU())
        self.layer = nn.LayerNorm(12, eps=1e-6)
        self.two = nn.Sequential(nn.Linear(12, 12), nn.Softplus())
        self.three = nn.Sequential(conv(12, 12, 3, padding=1), nn.Hardsigmoid())
        self.four = nn.Sequential(conv(12, 8, (3, 2), padding=(1, 0), bias=False), nn.BatchNorm2d(8, eps=1e-3))

    def forward(self, x: Any) -> Any:
        x = self.batch(self.instance(self.one(self.group(x)))).permute(0, 2, 3, 1)
        x = self.two(self.layer(x)).permute(0, 3, 1, 2)
        x = x * self.three(x) * 0.25 + 0.1
        return torch.softmax(self.four(x).mean((2, 3)), 1)
