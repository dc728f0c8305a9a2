// The inner part of every matrix product: one block computes a TILE_M x TILE_N tile of C = A B.
//
//  1. Both operands go through shared memory, DEPTH values of k at a time, so that each is read from memory once per
//     tile.
//  2. Each thread keeps THREAD_M x THREAD_N sums in registers: per step of k it reads THREAD_M + THREAD_N values
//     from shared memory for THREAD_M * THREAD_N multiplications.
//  3. The next DEPTH values are fetched into registers while the present ones are multiplied (double buffering); one
//     barrier per step is enough.
//
// An operand says how it is fetched, four values at a time:
//     static constexpr bool K_FAST;                   k runs fastest in memory
//     void fetch(int k, int c, float* out) const;     row k of columns c ... c+3, or with K_FAST rows k ... k+3 of
//                                                     column c; zeros outside
#pragma once
#include "common.cuh"

#ifndef TILE_M
#define TILE_M 64
#define TILE_N 64
#define THREAD_M 4
#define THREAD_N 4
#endif
constexpr int DEPTH = 16;
constexpr int THREADS_N = TILE_N / THREAD_N, THREADS = TILE_M / THREAD_M * THREADS_N;
constexpr int PAD = 4; // keeps rows 16-byte aligned, and the columns of K_FAST stores on different banks
static_assert(THREAD_M % 4 == 0 && THREAD_N % 4 == 0, "threads work on groups of four rows and columns");

// The i-th of a thread's rows (columns): groups of four, spread over the tile so that a warp reads neighbouring groups.
__device__ __forceinline__ int tile_row(int i) {
    return i / 4 * (TILE_M / (THREAD_M / 4)) + threadIdx.x / THREADS_N * 4 + i % 4;
}
__device__ __forceinline__ int tile_column(int j) {
    return j / 4 * (TILE_N / (THREAD_N / 4)) + threadIdx.x % THREADS_N * 4 + j % 4;
}

// A thread's share of an operand's DEPTH x WIDTH slice, on its way from memory to shared memory.
template <int WIDTH, class Operand> struct Slice {
    static constexpr int GROUPS = DEPTH * WIDTH / 4, COUNT = (GROUPS + THREADS - 1) / THREADS;
    float value[COUNT][4];

    static __device__ __forceinline__ void place(int i, int& k, int& c) {
        int group = threadIdx.x + i * THREADS;
        k = Operand::K_FAST ? group % (DEPTH / 4) * 4 : group / (WIDTH / 4);
        c = Operand::K_FAST ? group / (DEPTH / 4) : group % (WIDTH / 4) * 4;
    }
    __device__ __forceinline__ void fetch(const Operand& operand, int k0) {
#pragma unroll
        for (int i = 0; i < COUNT; i++) {
            int k, c;
            place(i, k, c);
            if (GROUPS % THREADS == 0 || k < DEPTH) operand.fetch(k0 + k, c, value[i]);
        }
    }
    __device__ __forceinline__ void store(float (*shared)[WIDTH + PAD]) const {
#pragma unroll
        for (int i = 0; i < COUNT; i++) {
            int k, c;
            place(i, k, c);
            if (GROUPS % THREADS && k >= DEPTH) continue;
            if (Operand::K_FAST) {
#pragma unroll
                for (int j = 0; j < 4; j++) shared[k + j][c] = value[i][j];
            } else
                *reinterpret_cast<float4*>(&shared[k][c]) = *reinterpret_cast<const float4*>(value[i]);
        }
    }
};

__device__ __forceinline__ void multiply_slice(const float (*a)[TILE_M + PAD], const float (*b)[TILE_N + PAD],
                                               float (&sum)[THREAD_M][THREAD_N]) {
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

// sum += A B for the whole depth. Columns of A and B count from the tile's corner.
template <class A, class B>
__device__ __forceinline__ void multiply(const A& a, const B& b, int depth, float (&sum)[THREAD_M][THREAD_N]) {
    __shared__ __align__(16) float shared_a[2][DEPTH][TILE_M + PAD];
    __shared__ __align__(16) float shared_b[2][DEPTH][TILE_N + PAD];
    Slice<TILE_M, A> next_a;
    Slice<TILE_N, B> next_b;
    next_a.fetch(a, 0);
    next_b.fetch(b, 0);
    next_a.store(shared_a[0]);
    next_b.store(shared_b[0]);
    __syncthreads();
    for (int k0 = 0, half = 0; k0 < depth; k0 += DEPTH, half ^= 1) {
        bool more = k0 + DEPTH < depth;
        if (more) {
            next_a.fetch(a, k0 + DEPTH);
            next_b.fetch(b, k0 + DEPTH);
        }
        multiply_slice(shared_a[half], shared_b[half], sum);
        if (more) {
            next_a.store(shared_a[half ^ 1]);
            next_b.store(shared_b[half ^ 1]);
        }
        __syncthreads();
    }
}
