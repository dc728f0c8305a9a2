"""A libcuda.so.1 without a GPU: empty, to build PyCUDA against, or running kernels in the emulator, to test with it."""
