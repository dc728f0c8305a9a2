"""Layers of one's own, whose kernels are CUDA: written in a notebook or in two files, checked, and used in a config.

A class says what the config's line is (its fields are the keys), what shapes come out, and what the layer means (torch,
or NumPy alone); a .cu source says how a GPU computes it. `check` compares the two:

    @cuda_layer("swiglu")
    class SwiGLU(CudaLayer):
        arity = (2, 2)
        limit: float = key(7.0, doc="the gate is clipped to this")

        def infer(self, gate, x):
            return [x]

        def reference(self, torch, w, gate, x):
            return torch.nn.functional.silu(gate.clamp(max=self.limit)) * x

        def launches(self, x, y, w):
            return self.flat("swiglu", y[0].count, *x, *y, y[0].count, self.limit)

        CASES = [Case("", [(2, 3, 5), (2, 3, 5)])]

with swiglu.cu beside the class's file, or in a notebook in a cell that begins with %%cuda_layer SwiGLU.
"""

from workbench.custom.check import check
from workbench.custom.layer import CudaLayer, cuda_layer
from workbench.custom.load import load
from workbench.custom.report import Report, Step
from workbench.graph import TensorSpec
from workbench.layers.base import Case, key

__all__ = ["Case", "CudaLayer", "Report", "Step", "TensorSpec", "check", "cuda_layer", "key", "load"]
