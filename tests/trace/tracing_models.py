"""Small originals with what makes tracing hard: modules that run twice, in-place operators, aliases."""

import torch
from torch import nn


class Attention(nn.Module):
    def __init__(self, channels=16, heads=2):
        super().__init__()
        self.heads, self.scale = heads, (channels // heads) ** -0.5
        self.qkv, self.proj = nn.Linear(channels, 3 * channels), nn.Linear(channels, channels)

    def forward(self, x):
        b, n, c = x.shape
        q, k, v = self.qkv(x).reshape(b, n, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4).unbind(0)
        weights = torch.matmul(q, k.transpose(-2, -1) * self.scale).softmax(-1)
        return self.proj(torch.matmul(weights, v).transpose(1, 2).reshape(b, n, c)), weights


class Transformer(nn.Module):
    """One block used twice, a position parameter, a head that is a bare parameter, a dict of outputs."""

    def __init__(self):
        super().__init__()
        self.position = nn.Parameter(torch.randn(1, 5, 16))
        self.norm, self.attention, self.act = nn.LayerNorm(16), Attention(), nn.ReLU(inplace=True)
        self.alias = self.norm
        self.head, self.shift = nn.Parameter(torch.randn(16, 7)), nn.Parameter(torch.randn(7))
        self.spare = nn.Linear(3, 3)

    def forward(self, x, *, gain):
        x = x + self.position
        for norm in (self.norm, self.alias):
            y, weights = self.attention(norm(x))
            x = x + self.act(y)
        return {"logits": torch.matmul(x, self.head) + self.shift, "rest": [weights, x * gain]}


class InPlace(nn.Module):
    """Writes through views, drops what modules return, and runs under no_grad and autocast(enabled=False)."""

    def __init__(self):
        super().__init__()
        self.same, self.act, self.conv = nn.Identity(), nn.ReLU(inplace=True), nn.Conv2d(3, 3, 1)

    @torch.no_grad()
    def forward(self, x):
        y = self.same(self.conv(x))
        self.act(y)
        y[:, 0] += 1
        with torch.autocast("cpu", enabled=False):
            return self.same(y) * 2


class Branching(nn.Module):
    """What torch.export cannot follow: a branch on the data."""

    def __init__(self):
        super().__init__()
        self.conv, self.bn, self.act = nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4), nn.ReLU()

    def forward(self, x):
        x = self.act(self.bn(self.conv(x)))
        return x if x.sum() > 0 else -x


class Caching(nn.Module):
    """Keeps a grid that it made at the first call, as detectors do; YOLOv5's keeps them in a list."""

    def __init__(self):
        super().__init__()
        self.conv, self.shape, self.grid, self.grids = nn.Conv2d(3, 4, 1), None, None, [None]

    def forward(self, x):
        x = self.conv(x)
        if self.shape != x.shape:
            self.shape, self.grid = x.shape, torch.arange(x.shape[-1], dtype=x.dtype)
        if self.grids[0] is None:
            self.grids[0] = 2 * self.grid
        return x + self.grid + self.grids[0]


class Noisy(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 1)

    def forward(self, x):
        return nn.functional.dropout(self.conv(x), 0.5, training=True)


def randomised(model, seed=0):
    """With running statistics, gammas and betas that are no ones and zeros, so that none can be left out unseen."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm | nn.LayerNorm | nn.GroupNorm):
                for name, low, high in (("weight", 0.5, 1.5), ("bias", -0.3, 0.3), ("running_mean", -0.3, 0.3),
                                        ("running_var", 0.5, 2.0)):  # fmt: skip
                    if getattr(module, name, None) is not None:
                        getattr(module, name).uniform_(low, high, generator=generator)
    return model.eval()
