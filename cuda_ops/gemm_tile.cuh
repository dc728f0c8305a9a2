// The inner part of every matrix product: one block computes a TILE_M x TILE_N tile of C = A B.
//
//  1. Both operands go through shared memory, DEPTH values of k at a time, so that each is read from memory once per
//     tile.
//  2. What is there is multiplied by all threads (gemm_threads.cuh), or on tensor cores (gemm_tensor.cuh), where
//     TENSOR is defined; in the end each thread has THREAD_M x THREAD_N sums.
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
constexpr int THREADS = TILE_M / THREAD_M * (TILE_N / THREAD_N);

#ifdef TENSOR
#include "gemm_tensor.cuh"
#else
#include "gemm_threads.cuh"
#endif

struct __align__(4 * sizeof(Shared)) FourShared {
    Shared v[4];
};

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
    __device__ __forceinline__ void store(Shared (*shared)[WIDTH + PAD]) const {
#pragma unroll
        for (int i = 0; i < COUNT; i++) {
            int k, c;
            place(i, k, c);
            if (GROUPS % THREADS && k >= DEPTH) continue;
            if (Operand::K_FAST) {
#pragma unroll
                for (int j = 0; j < 4; j++) shared[k + j][c] = to_shared(value[i][j]);
            } else {
                FourShared four;
#pragma unroll
                for (int j = 0; j < 4; j++) four.v[j] = to_shared(value[i][j]);
                *reinterpret_cast<FourShared*>(&shared[k][c]) = four;
            }
        }
    }
};

// sum = A B for the whole depth. Columns of A and B count from the tile's corner.
template <class A, class B>
__device__ __forceinline__ void multiply(const A& a, const B& b, int depth, float (&sum)[THREAD_M][THREAD_N]) {
    __shared__ __align__(32) Shared shared_a[2][DEPTH][TILE_M + PAD];
    __shared__ __align__(32) Shared shared_b[2][DEPTH][TILE_N + PAD];
    Sums sums;
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
        sums.add(shared_a[half], shared_b[half]);
        if (more) {
            next_a.store(shared_a[half ^ 1]);
            next_b.store(shared_b[half ^ 1]);
        }
        __syncthreads();
    }
    sums.give(sum);
}
