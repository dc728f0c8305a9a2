// Sums of a tile by ordinary multiplications, for gemm_tile.cuh: each thread keeps THREAD_M x THREAD_N of them in
// registers. Per step of k it reads THREAD_M + THREAD_N values from shared memory for THREAD_M * THREAD_N
// multiplications.
#pragma once
#include "common.cuh"

constexpr int DEPTH = 16;
constexpr int PAD = 4; // keeps rows 16-byte aligned, and the columns of K_FAST stores on different banks
constexpr int THREADS_N = TILE_N / THREAD_N;
static_assert(THREAD_M % 4 == 0 && THREAD_N % 4 == 0, "threads work on groups of four rows and columns");

typedef float Shared; // what operands are in shared memory
__device__ __forceinline__ Shared to_shared(float v) { return v; }

// The i-th of a thread's rows (columns): groups of four, spread over the tile so that a warp reads neighbouring groups.
__device__ __forceinline__ int tile_row(int i) {
    return i / 4 * (TILE_M / (THREAD_M / 4)) + threadIdx.x / THREADS_N * 4 + i % 4;
}
__device__ __forceinline__ int tile_column(int j) {
    return j / 4 * (TILE_N / (THREAD_N / 4)) + threadIdx.x % THREADS_N * 4 + j % 4;
}

struct Sums {
    float sum[THREAD_M][THREAD_N] = {};

    __device__ __forceinline__ void add(const Shared (*a)[TILE_M + PAD], const Shared (*b)[TILE_N + PAD]) {
#pragma unroll
        for (int k = 0; k < DEPTH; k++) {
            float u[THREAD_M], v[THREAD_N];
#pragma unroll
            for (int i = 0; i < THREAD_M; i += 4)
                *reinterpret_cast<float4*>(&u[i]) = *reinterpret_cast<const float4*>(&a[k][tile_row(i)]);
#pragma unroll
            for (int j = 0; j < THREAD_N; j += 4)
                *reinterpret_cast<float4*>(&v[j]) = *reinterpret_cast<const float4*>(&b[k][tile_column(j)]);
#pragma unroll
            for (int i = 0; i < THREAD_M; i++)
#pragma unroll
                for (int j = 0; j < THREAD_N; j++) sum[i][j] += u[i] * v[j];
        }
    }

    __device__ __forceinline__ void give(float (&out)[THREAD_M][THREAD_N]) const {
#pragma unroll
        for (int i = 0; i < THREAD_M; i++)
#pragma unroll
            for (int j = 0; j < THREAD_N; j++) out[i][j] = sum[i][j];
    }
};
