// What all kernels share: the storage type, activations, vector loads, block-wide reductions.
//
// T is how tensors lie in memory: float, half or bf16 (STORAGE_TYPE, set by the loader). All arithmetic is float. Kernels
// that copy, select or add also run on int and on bytes; arithmetic on these is exact up to 2^24.
// Biases, scales and other small vectors are float in every storage.
#pragma once
#include <cuda_bf16.h>
#include <cuda_fp16.h>

#ifndef STORAGE_TYPE
#define STORAGE_TYPE 0
#endif

#if STORAGE_TYPE == 1
typedef __half T;
__device__ __forceinline__ float to_float(T v) { return __half2float(v); }
__device__ __forceinline__ T from_float(float v) { return __float2half_rn(v); }
#elif STORAGE_TYPE == 2
typedef __nv_bfloat16 T;
__device__ __forceinline__ float to_float(T v) { return __bfloat162float(v); }
__device__ __forceinline__ T from_float(float v) { return __float2bfloat16_rn(v); }
#elif STORAGE_TYPE == 3
typedef int T;
__device__ __forceinline__ float to_float(T v) { return (float)v; }
__device__ __forceinline__ T from_float(float v) { return (T)v; }
#elif STORAGE_TYPE == 4
typedef unsigned char T;
__device__ __forceinline__ float to_float(T v) { return (float)v; }
__device__ __forceinline__ T from_float(float v) { return (T)v; }
#else
typedef float T;
__device__ __forceinline__ float to_float(T v) { return v; }
__device__ __forceinline__ T from_float(float v) { return v; }
#endif

#ifndef TRUST_FENCED_BLOCKS // the emulator's mark for the last-block pattern; nothing on a GPU
#define TRUST_FENCED_BLOCKS() ((void)0)
#endif

constexpr unsigned FULL_WARP = 0xffffffffu;
__device__ __forceinline__ float infinity() { return __int_as_float(0x7f800000); }

// ---- four neighbours in one access; the address must be a multiple of four elements

struct __align__(4 * sizeof(T)) Four {
    T v[4];
};

__device__ __forceinline__ void load4(const T* p, float* out) {
    Four four = *reinterpret_cast<const Four*>(p);
#pragma unroll
    for (int i = 0; i < 4; i++) out[i] = to_float(four.v[i]);
}

__device__ __forceinline__ void store4(T* p, const float* in) {
    Four four;
#pragma unroll
    for (int i = 0; i < 4; i++) four.v[i] = from_float(in[i]);
    *reinterpret_cast<Four*>(p) = four;
}

// ---- activations; the numbers are those of ACTS in launch.py

__device__ __forceinline__ float sigmoid(float x) { return 1.0f / (1.0f + expf(-x)); }
// log(1 + e^x) without overflow: max(x, 0) + log1p(e^-|x|)
__device__ __forceinline__ float softplus(float x) { return fmaxf(x, 0.0f) + log1pf(expf(-fabsf(x))); }

// alpha and beta: see ACTS. A NaN stays a NaN: comparisons are written so that it takes the last branch.
// Never inlined: 32 unrolled copies of the switch would be slower to fetch than a call, and slow to compile.
static __device__ __noinline__ float activate(int act, float x, float alpha, float beta) {
    // clang-format off
    switch (act) {
    case 1: return x < 0.0f ? 0.0f : x;                                                // relu
    case 2: return x < 0.0f ? 0.0f : x > 6.0f ? 6.0f : x;                              // relu6
    case 3: return x * sigmoid(x);                                                     // silu
    case 4: return x < 0.0f ? alpha * x : x;                                           // leaky
    case 5: return sigmoid(x);                                                         // sigmoid
    case 6: return tanhf(x);                                                           // tanh
    case 7: return 0.5f * x * (1.0f + erff(x * 0.70710678f));                          // gelu
    case 8: return 0.5f * x * (1.0f + tanhf(0.79788456f * (x + 0.044715f * x * x * x))); // gelu2
    case 9: return x < 0.0f ? alpha * expm1f(x) : x;                                   // elu
    case 10: return beta * (x < 0.0f ? alpha * expm1f(x) : x);                         // selu
    case 11: return softplus(x);                                                       // softplus
    case 12: return x / (1.0f + fabsf(x));                                             // softsign
    case 13: x = alpha * x + beta; return x < 0.0f ? 0.0f : x > 1.0f ? 1.0f : x;       // hard_sigmoid
    case 14: return alpha * tanhf(beta * x);                                           // scaled_tanh
    case 15: return x < alpha ? alpha : x > beta ? beta : x;                           // clip
    case 16: return x * tanhf(softplus(x));                                            // mish
    default: return x;                                                                 // identity
    }
    // clang-format on
}

// ---- reductions over a block of whole warps; every thread gets the result

struct Sum {
    static __device__ __forceinline__ float start() { return 0.0f; }
    static __device__ __forceinline__ float combine(float a, float b) { return a + b; }
};
struct Max { // of NaN and a number: NaN, as in NumPy and PyTorch
    static __device__ __forceinline__ float start() { return -infinity(); }
    static __device__ __forceinline__ float combine(float a, float b) { return a > b || a != a ? a : b; }
};
struct Min {
    static __device__ __forceinline__ float start() { return infinity(); }
    static __device__ __forceinline__ float combine(float a, float b) { return a < b || a != a ? a : b; }
};
struct Product {
    static __device__ __forceinline__ float start() { return 1.0f; }
    static __device__ __forceinline__ float combine(float a, float b) { return a * b; }
};

template <class Op> __device__ __forceinline__ float reduce_warp(float v) {
#pragma unroll
    for (int o = 16; o > 0; o >>= 1) v = Op::combine(v, __shfl_xor_sync(FULL_WARP, v, o));
    return v;
}

template <class Op> __device__ __forceinline__ float reduce_block(float v) {
    __shared__ float partial[32];
    int lane = threadIdx.x & 31, warp = threadIdx.x >> 5, warps = blockDim.x >> 5;
    v = reduce_warp<Op>(v);
    if (lane == 0) partial[warp] = v;
    __syncthreads();
    v = reduce_warp<Op>(lane < warps ? partial[lane] : Op::start());
    __syncthreads(); // partial may be used again
    return v;
}
