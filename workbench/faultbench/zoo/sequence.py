"""A sequence: one-dimensional convolutions, an LSTM in both directions, classes at every step."""

from typing import Any

import torch
from torch import nn

SHAPE = (2, 5, 14)

CONFIG = """\
[input]    refname=X shape=2,5,14 dtype=f32 name=input
[conv1d]   channel=8 kernel=3 stride=2 pad=1 weight_order=wrbmv act=relu refname=A name=entry
[conv1d]   channel=8 kernel=3 pad=2 dilation=2 group=4 act=tanh                   name=wide
[eltwise]  mode=add input=A,*                                                     name=/add.0
[trans]    order=0,2,1                                                            name=/transpose.0
[lstm]     layer_counts=1 hiddens=6 direction=bidirection                         name=memory
[dense]    hidden=8 act=leaky act_alpha=0.3                                       name=dense
[trans]    order=0,2,1                                                            name=/transpose.1
[deconv1d] channel=6 kernel=4 stride=2 pad=1 act=elu refname=L                        name=longer
[reduce]   input=L mode=max axis=2 refname=M                                      name=/amax.0
[eltwise]  mode=sub input=L,M                                                   name=/sub.0
[softmax]  axis=1                                                                 name=/softmax.0
[slice]    start=0,1,2 shape=-1,4,10 refname=Y                                    name=output
[output]   refname=Y
"""


class Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.entry = nn.Sequential(nn.Conv1d(5, 8, 3, 2, 1, bias=False), nn.BatchNorm1d(8), nn.ReLU())
        self.wide = nn.Sequential(nn.Conv1d(8, 8, 3, padding=2, dilation=2, groups=4), nn.Tanh())
        self.memory = nn.LSTM(8, 6, batch_first=True, bidirectional=True)
        self.dense = nn.Sequential(nn.Linear(12, 8), nn.LeakyReLU(0.3))
        self.longer = nn.Sequential(nn.ConvTranspose1d(8, 6, 4, 2, 1), nn.ELU())

    def forward(self, x: Any) -> Any:
        x = self.entry(x)
        x = self.memory((x + self.wide(x)).transpose(1, 2))[0]
        x = self.longer(self.dense(x).transpose(1, 2))
        x = torch.softmax(x - torch.amax(x, 2, keepdim=True), 1)
        return x[:, 1:5, 2:12]
