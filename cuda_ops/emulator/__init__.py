"""Runs CUDA kernels (.cu files, unchanged) on the CPU. `cuda_ops.emulator.driver` stands in for `pycuda.driver`."""

from .options import configure, options

__all__ = ["configure", "options"]
