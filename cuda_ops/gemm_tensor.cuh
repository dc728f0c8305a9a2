// Sums of a tile on tensor cores, for gemm_tile.cuh: each warp multiplies WARP_M x WARP_N of the tile, 16 x 16 at a time.
//
// f16 and bf16 are multiplied as they are stored; f32 is rounded to TF32 first, 10 bits of mantissa. Sums are f32 in all.
// f16 runs from compute capability 7.0 on, bf16 and TF32 from 8.0; code for older GPUs stands in a fatbin only beside
// that for newer ones, and whoever launches looks at the capability first (Launch.tensor_cores).
#pragma once
#include "common.cuh"
#include <mma.h>

constexpr int WARP_M = THREAD_M * 2, WARP_N = THREAD_N * 16; // 32 threads share a warp's sums
constexpr int WARPS_N = TILE_N / WARP_N;
static_assert(WARP_M % 16 == 0 && TILE_M % WARP_M == 0 && TILE_N % WARP_N == 0, "whole fragments and warps");

typedef T Shared;
constexpr int STEP = sizeof(T) == 4 ? 8 : 16; // values of k that tensor cores take at once
constexpr int PAD = 16 / sizeof(T);           // rows start on other banks, at multiples of 16 bytes
constexpr int DEPTH = 2 * STEP;

// A thread's sums, eight rows of a column in each fragment, so that 16 lanes write neighbours.
__device__ __forceinline__ int tile_row(int i) {
    return threadIdx.x / 32 / WARPS_N * WARP_M + i / 8 * 16 + threadIdx.x % 32 / 16 * 8 + i % 8;
}
__device__ __forceinline__ int tile_column(int j) {
    return threadIdx.x / 32 % WARPS_N * WARP_N + j * 16 + threadIdx.x % 16;
}

#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 800 && STORAGE_TYPE != 1

__device__ __forceinline__ Shared to_shared(float v) { return from_float(v); }
struct Sums {
    __device__ void add(const Shared (*)[TILE_M + PAD], const Shared (*)[TILE_N + PAD]) { __trap(); }
    __device__ void give(float (&)[THREAD_M][THREAD_N]) const {}
};

#else

namespace wmma = nvcuda::wmma;
#if STORAGE_TYPE == 0
typedef wmma::precision::tf32 Multiplied;
__device__ __forceinline__ Shared to_shared(float v) { return wmma::__float_to_tf32(v); }
#else
typedef T Multiplied;
__device__ __forceinline__ Shared to_shared(float v) { return from_float(v); }
#endif

struct Sums {
    wmma::fragment<wmma::accumulator, 16, 16, STEP, float> sum[WARP_M / 16][WARP_N / 16];

    __device__ __forceinline__ Sums() {
#pragma unroll
        for (int i = 0; i < WARP_M / 16; i++)
#pragma unroll
            for (int j = 0; j < WARP_N / 16; j++) wmma::fill_fragment(sum[i][j], 0.0f);
    }

    // a lies [k][m], so by columns of the m x k matrix that is multiplied
    __device__ __forceinline__ void add(const Shared (*a)[TILE_M + PAD], const Shared (*b)[TILE_N + PAD]) {
        int m = threadIdx.x / 32 / WARPS_N * WARP_M, n = threadIdx.x / 32 % WARPS_N * WARP_N;
        wmma::fragment<wmma::matrix_a, 16, 16, STEP, Multiplied, wmma::col_major> u[WARP_M / 16];
        wmma::fragment<wmma::matrix_b, 16, 16, STEP, Multiplied, wmma::row_major> v;
#pragma unroll
        for (int k = 0; k < DEPTH; k += STEP) {
#pragma unroll
            for (int i = 0; i < WARP_M / 16; i++) wmma::load_matrix_sync(u[i], &a[k][m + i * 16], TILE_M + PAD);
#pragma unroll
            for (int j = 0; j < WARP_N / 16; j++) {
                wmma::load_matrix_sync(v, &b[k][n + j * 16], TILE_N + PAD);
#pragma unroll
                for (int i = 0; i < WARP_M / 16; i++) wmma::mma_sync(sum[i][j], u[i], v, sum[i][j]);
            }
        }
    }

    // Where a fragment's elements are is not told, so each goes through memory of the warp's own.
    __device__ __forceinline__ void give(float (&out)[THREAD_M][THREAD_N]) const {
        __shared__ __align__(32) float patches[THREADS / 32][16][20];
        float (*patch)[20] = patches[threadIdx.x / 32];
        int lane = threadIdx.x % 32;
#pragma unroll
        for (int i = 0; i < WARP_M / 16; i++)
#pragma unroll
            for (int j = 0; j < WARP_N / 16; j++) {
                wmma::store_matrix_sync(&patch[0][0], sum[i][j], 20, wmma::mem_row_major);
                __syncwarp();
#pragma unroll
                for (int r = 0; r < 8; r++) out[i * 8 + r][j] = patch[lane / 16 * 8 + r][lane % 16];
                __syncwarp();
            }
    }
};

#endif
