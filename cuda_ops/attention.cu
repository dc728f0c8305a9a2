// Attention: y = softmax(scale q k^T + mask) v, without storing the scores.
//
// A thread owns a query: q and the running sum of v stay in its registers; the block walks through keys and values, a
// tile of them at a time in shared memory, where all threads read the same address at once. The softmax is taken online
// (Milakov and Gimelshein 2018; Dao et al. 2022, "FlashAttention"): when a tile brings a larger maximum, sum and result
// so far are scaled down. Head sizes are known when compiling; beyond 64 the registers do not suffice, and attention
// is two matrix products and a softmax (attention.py decides).
#include "common.cuh"

#ifndef KEY_SIZE // of q and k, and of v and y, each rounded up to a multiple of four
#define KEY_SIZE 64
#define VALUE_SIZE 64
#endif
constexpr int TILE = 16; // keys

struct Strides {
    int row, outer, inner; // elements from one time step, outer batch, inner batch to the next
};

__device__ __forceinline__ size_t start_of(const Strides& s, int inner) {
    return (size_t)(blockIdx.x / inner) * s.outer + (size_t)(blockIdx.x % inner) * s.inner;
}

// Rows first ... first + TILE of p into shared memory; zeros beyond the last row and column.
template <int SIZE>
__device__ __forceinline__ void load_tile(float (*tile)[SIZE], const T* p, int row_stride, int first, int rows,
                                          int columns) {
    for (int i = threadIdx.x; i < TILE * SIZE; i += blockDim.x) {
        int r = i / SIZE, c = i % SIZE;
        tile[r][c] = first + r < rows && c < columns ? to_float(p[(size_t)(first + r) * row_stride + c]) : 0.0f;
    }
}

struct Query {
    float q[KEY_SIZE], result[VALUE_SIZE], max, sum;

    __device__ __forceinline__ void add(const float (&score)[TILE], const float (*values)[VALUE_SIZE]) {
        float larger = max;
#pragma unroll
        for (int j = 0; j < TILE; j++) larger = Max::combine(larger, score[j]);
        float shrink = max == -infinity() ? 0.0f : expf(max - larger);
        max = larger;
        // a tile's sums first, then all of it: a sixteenth of the roundings at the size of the whole sum
        float share[TILE], shares = 0.0f;
#pragma unroll
        for (int j = 0; j < TILE; j++) {
            share[j] = score[j] == -infinity() ? 0.0f : expf(score[j] - max);
            shares += share[j];
        }
        sum = sum * shrink + shares;
#pragma unroll
        for (int d = 0; d < VALUE_SIZE; d++) {
            float part = 0.0f;
#pragma unroll
            for (int j = 0; j < TILE; j++) part += share[j] * values[j][d];
            result[d] = result[d] * shrink + part;
        }
    }
};

// grid: batches (outer * inner), queries / threads. mask (or null) is added to the scores; its strides may be 0.
extern "C" __global__ void __launch_bounds__(128)
    attention(const T* q, const T* k, const T* v, const T* mask, T* y, int queries, int keys, int key_size,
              int value_size, int inner, int q_row, int q_outer, int q_inner, int k_row, int k_outer, int k_inner,
              int v_row, int v_outer, int v_inner, int y_row, int y_outer, int y_inner, int mask_row, int mask_outer,
              int mask_inner, int mask_column, float scale) {
    __shared__ __align__(16) float shared_k[TILE][KEY_SIZE], shared_v[TILE][VALUE_SIZE];
    int row = blockIdx.y * blockDim.x + threadIdx.x;
    bool mine = row < queries; // the others help to load
    k += start_of({k_row, k_outer, k_inner}, inner);
    v += start_of({v_row, v_outer, v_inner}, inner);
    q += start_of({q_row, q_outer, q_inner}, inner) + (size_t)row * q_row;
    if (mask) mask += start_of({mask_row, mask_outer, mask_inner}, inner) + (size_t)row * mask_row;

    Query query = {};
    query.max = -infinity();
#pragma unroll
    for (int d = 0; d < KEY_SIZE; d++) query.q[d] = mine && d < key_size ? scale * to_float(q[d]) : 0.0f;
    for (int first = 0; first < keys; first += TILE) {
        load_tile<KEY_SIZE>(shared_k, k, k_row, first, keys, key_size);
        load_tile<VALUE_SIZE>(shared_v, v, v_row, first, keys, value_size);
        __syncthreads();
        float score[TILE];
#pragma unroll
        for (int j = 0; j < TILE; j++) {
            score[j] = 0.0f;
#pragma unroll
            for (int d = 0; d < KEY_SIZE; d++) score[j] += query.q[d] * shared_k[j][d];
            if (first + j >= keys)
                score[j] = -infinity();
            else if (mask && mine)
                score[j] += to_float(mask[(size_t)(first + j) * mask_column]);
        }
        query.add(score, shared_v);
        __syncthreads();
    }
    if (!mine) return;
    y += start_of({y_row, y_outer, y_inner}, inner) + (size_t)row * y_row;
#pragma unroll
    for (int d = 0; d < VALUE_SIZE; d++)
        if (d < value_size) y[d] = from_float(query.result[d] / query.sum);
}
