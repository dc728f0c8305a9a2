"""CUDA kernels: one .cu per layer family, a loader that compiles them, and an emulator that runs them on the CPU.

Imports nothing from workbench, and needs only NumPy.
"""
