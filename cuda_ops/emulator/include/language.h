// CUDA's additions to C++ (qualifiers, built-in variables), as g++ can take them.
#pragma once
#include "abi.h"

#define __CUDA_EMULATOR__ 1
#define __global__ __attribute__((unused))
#define __device__
#define __host__
#define __constant__
#define __managed__
#define __shared__ static __thread // one copy per OS thread, which a block never leaves; as on a GPU, never initialised
#define __forceinline__ inline __attribute__((always_inline))
#define __noinline__ __attribute__((noinline))
#define __launch_bounds__(...)
#define __grid_constant__
#define __align__(n) __attribute__((aligned(n)))

struct dim3 {
    unsigned x, y, z;
    constexpr dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};

#define threadIdx emu_self.thread
#define blockIdx emu_self.block
#define blockDim emu_self.block_dim
#define gridDim emu_self.grid_dim
static constexpr int warpSize = 32;
