"""Maps made larger: transposed convolutions, resizes of every mode, pixel shuffle."""

from typing import Any

from torch import nn
from torch.nn import functional as F

SHAPE = (1, 4, 5, 6)

CONFIG = """\
[input]    refname=X shape=1,4,5,6 dtype=f32 name=input
[deconv2d] channel=8 kernel=3 stride=2 pad=1 output_pad=1 weight_order=wrbmv act=relu    name=twice
[resize]   mode=bilinear size=13,17                                                      name=/upsample_bilinear2d.0
[conv2d]   channel=8 kernel=3 pad=1                                                      name=smooth
[deconv2d] channel=8 kernel=2 stride=2 group=2 act=silu                                  name=grouped
[resize]   mode=bilinear size=19,23 corner_align=1                                       name=/upsample_bilinear2d.1
[conv2d]   channel=16 kernel=3 stride=2 pad=1 weight_order=wa act=leaky act_alpha=0.2    name=down
[pixelshuffle] factor=2                                                                  name=shuffle
[resize]   mode=nearest size=25,31                                                       name=/upsample_nearest2d.0
[resize]   mode=bicubic size=11,14                                                       name=/upsample_bicubic2d.0
[deconv2d] channel=3 kernel=4 stride=2 pad=1 act=sigmoid refname=Y                       name=last
[output]   refname=Y
"""


class Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        up, norm = nn.ConvTranspose2d, nn.BatchNorm2d
        self.twice = nn.Sequential(up(4, 8, 3, 2, 1, 1, bias=False), norm(8), nn.ReLU())
        self.smooth = nn.Conv2d(8, 8, 3, padding=1)
        self.grouped = nn.Sequential(up(8, 8, 2, 2, groups=2), nn.SiLU())
        self.down = nn.Sequential(nn.Conv2d(8, 16, 3, 2, 1, bias=False), norm(16), nn.LeakyReLU(0.2))
        self.shuffle = nn.PixelShuffle(2)
        self.last = nn.Sequential(up(4, 3, 4, 2, 1), nn.Sigmoid())

    def forward(self, x: Any) -> Any:
        x = F.interpolate(self.twice(x), (13, 17), mode="bilinear", align_corners=False)
        x = F.interpolate(self.grouped(self.smooth(x)), (19, 23), mode="bilinear", align_corners=True)
        x = F.interpolate(self.shuffle(self.down(x)), (25, 31), mode="nearest")
        return self.last(F.interpolate(x, (11, 14), mode="bicubic", align_corners=False))
