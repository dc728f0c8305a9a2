"""Two transformer blocks: attention as one line, and written out as products and a softmax."""

import math
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

SHAPE = (2, 9, 16)

CONFIG = """\
[input]   refname=X shape=2,9,16 dtype=f32 name=input
[posemb]  mode=learned refname=P                                        name=/add.0
[norm]    mode=layer weight_order=rb                                    name=norm1
[dense]   hidden=48                                                     name=qkv
[chunk]   count=3 axis=2 refname=Q,K,V                                  name=/chunk.0
[attention] input=Q,K,V head=4                                          name=/reshape.3
[dense]   hidden=16                                                     name=proj
[eltwise] mode=add input=P,* refname=A                                  name=/add.1
[norm]    mode=layer eps=1e-6 weight_order=rb                           name=norm2
[dense]   hidden=32 act=gelu                                            name=mlp.1
[dense]   hidden=16                                                     name=mlp.2
[eltwise] mode=add input=A,* refname=B                                  name=/add.2
[dense]   input=B hidden=16                                             name=q
[reshape] shape=2,9,4,4                                                 name=/view.0
[trans]   order=0,2,1,3 refname=Q2                                      name=/transpose.4
[dense]   input=B hidden=16                                             name=k
[reshape] shape=2,9,4,4                                                 name=/view.1
[trans]   order=0,2,1,3 refname=K2                                      name=/transpose.5
[matmul]  input=Q2,K2 trans_b=1                                         name=/matmul.0
[scale]   scale=0.5                                                     name=/mul.0
[softmax] axis=-1 refname=S                                             name=/softmax.0
[matmul]  input=S,Q2                                                    name=/matmul.1
[trans]   order=0,2,1,3                                                 name=/transpose.7
[reshape] shape=2,9,16                                                  name=/reshape.4
[reduce]  mode=mean axis=1 keepdim=0                                    name=/mean.0
[dense]   hidden=6 refname=Y                                            name=head
[output]  refname=Y
"""


class Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.place = nn.Parameter(torch.randn(9, 16))
        self.norm1, self.norm2 = nn.LayerNorm(16), nn.LayerNorm(16, eps=1e-6)
        self.qkv, self.proj = nn.Linear(16, 48), nn.Linear(16, 16)
        self.mlp = nn.Sequential(nn.Linear(16, 32), nn.GELU(), nn.Linear(32, 16))
        self.q, self.k, self.head = nn.Linear(16, 16), nn.Linear(16, 16), nn.Linear(16, 6)

    def forward(self, x: Any) -> Any:
        x = x + self.place
        q, k, v = (t.reshape(2, 9, 4, 4).transpose(1, 2) for t in self.qkv(self.norm1(x)).chunk(3, 2))
        x = x + self.proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(2, 9, 16))
        x = x + self.mlp(self.norm2(x))
        q, k = (layer(x).view(2, 9, 4, 4).transpose(1, 2) for layer in (self.q, self.k))
        scores = torch.softmax(torch.matmul(q, k.transpose(2, 3)) * (1 / math.sqrt(4)), -1)
        return self.head(torch.matmul(scores, q).transpose(1, 2).reshape(2, 9, 16).mean(1))
