"""Originals with tensors whose sizes depend on values are traced all the same, operators included."""

import numpy as np
import torch

from workbench import Session


class Masked(torch.nn.Module):
    """What Segment Anything does with its points' labels."""

    def forward(self, x):
        y = torch.sin(x)
        y[x > 0] += 1.0
        return torch.cos(y)


def test_sizes_that_depend_on_values():
    x = np.array([[-1, 2, 3], [0, -5, 6]], np.float32)
    session = Session(
        Masked(), (x,), "[input] refname=X shape=2,3 dtype=f32\n[simpleop] mode=sin name=/sin.0\n[output] refname=*"
    )
    assert session.check().passed
    shapes = {str(r.tie): r.shape for r in session.original.trace.paths()}
    assert shapes["/sin.0"] == shapes["/cos.0"] == (2, 3) and shapes["/index.0"] == (-1,)
