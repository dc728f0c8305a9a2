// Copies between strided views: slices, concatenations, permutations, paddings, all that only moves elements.
//
// `plan` holds the shape, the source's strides and the target's (as words, slowest index first). Where a permutation
// comes down to a batch of transposed matrices, transpose moves 32 x 32 tiles through shared memory, so that both
// reading and writing run along memory; the tile has 33 columns, so that a column's elements lie on different banks.
#include "common.cuh"

constexpr int RANK = 6, TILE = 32;

extern "C" __global__ void __launch_bounds__(256)
    copy_strided(const T* x, T* y, const int* __restrict__ plan, int x_start, int y_start, int count) {
    int i = blockIdx.x * 256 + threadIdx.x;
    if (i >= count) return;
    int from = x_start, to = y_start;
    for (int d = RANK - 1, rest = i; d >= 0; d--) {
        int size = __ldg(plan + d), index = rest % size;
        rest /= size;
        from += index * __ldg(plan + RANK + d);
        to += index * __ldg(plan + 2 * RANK + d);
    }
    y[to] = x[from];
}

// y [batch, columns, rows] = x [batch, rows, columns]. Blocks of 32 x 8 threads.
extern "C" __global__ void __launch_bounds__(256) transpose(const T* x, T* y, int rows, int columns) {
    __shared__ T tile[TILE][TILE + 1];
    size_t start = (size_t)blockIdx.z * rows * columns;
    int column = blockIdx.x * TILE + threadIdx.x, row = blockIdx.y * TILE + threadIdx.y;
    for (int i = 0; i < TILE; i += 8)
        if (row + i < rows && column < columns)
            tile[threadIdx.y + i][threadIdx.x] = x[start + (size_t)(row + i) * columns + column];
    __syncthreads();
    row = blockIdx.y * TILE + threadIdx.x;
    column = blockIdx.x * TILE + threadIdx.y;
    for (int i = 0; i < TILE; i += 8)
        if (row < rows && column + i < columns)
            y[start + (size_t)(column + i) * rows + row] = tile[threadIdx.x][threadIdx.y + i];
}

extern "C" __global__ void __launch_bounds__(256) fill(T* y, float value, int count) {
    int i = blockIdx.x * 256 + threadIdx.x;
    if (i < count) y[i] = from_float(value);
}
