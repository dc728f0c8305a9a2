// Reductions along one axis (or neighbouring axes) of a tensor seen as [outer, n, inner]: sum, mean, max, min, product,
// and the place of the maximum.
//
// Rows (inner == 1) are shared by a block: a strided loop, then shuffles, then one value per warp through shared
// memory. Columns (inner > 1) have a thread each, so that neighbouring threads read neighbouring elements.
#include "best.cuh"

enum Operation { SUM, MEAN, MAX, MIN, PRODUCT };

template <class Op> __device__ __forceinline__ float fold(const T* x, int n, size_t stride, int first, int step) {
    float value = Op::start();
    for (int i = first; i < n; i += step) value = Op::combine(value, to_float(x[i * stride]));
    return value;
}

extern "C" __global__ void __launch_bounds__(256) reduce_rows(const T* x, T* y, int n, int operation) {
    x += (size_t)blockIdx.x * n;
    float v;
    int t = threadIdx.x, step = blockDim.x;
    if (operation == MAX)
        v = reduce_block<Max>(fold<Max>(x, n, 1, t, step));
    else if (operation == MIN)
        v = reduce_block<Min>(fold<Min>(x, n, 1, t, step));
    else if (operation == PRODUCT)
        v = reduce_block<Product>(fold<Product>(x, n, 1, t, step));
    else
        v = reduce_block<Sum>(fold<Sum>(x, n, 1, t, step));
    if (t == 0) y[blockIdx.x] = from_float(operation == MEAN ? v / n : v);
}

extern "C" __global__ void __launch_bounds__(256)
    reduce_columns(const T* x, T* y, int n, int inner, int columns, int operation) {
    int column = blockIdx.x * 256 + threadIdx.x;
    if (column >= columns) return;
    x += (size_t)(column / inner) * n * inner + column % inner;
    float v;
    if (operation == MAX)
        v = fold<Max>(x, n, inner, 0, 1);
    else if (operation == MIN)
        v = fold<Min>(x, n, inner, 0, 1);
    else if (operation == PRODUCT)
        v = fold<Product>(x, n, inner, 0, 1);
    else
        v = fold<Sum>(x, n, inner, 0, 1);
    y[column] = from_float(operation == MEAN ? v / n : v);
}

// ---- argmax; index or value may be null
extern "C" __global__ void __launch_bounds__(256) argmax_rows(const T* x, int* index, T* value, int n) {
    __shared__ Best partial[32];
    x += (size_t)blockIdx.x * n;
    Best best = {0.0f, -1};
    for (int i = threadIdx.x; i < n; i += blockDim.x) best.take({to_float(x[i]), i});
    best = best_of_warp(best);
    if (threadIdx.x % 32 == 0) partial[threadIdx.x / 32] = best;
    __syncthreads();
    if (threadIdx.x) return;
    for (int i = 1; i < blockDim.x / 32; i++) best.take(partial[i]);
    if (index) index[blockIdx.x] = best.index;
    if (value) value[blockIdx.x] = from_float(best.value);
}

extern "C" __global__ void __launch_bounds__(256)
    argmax_columns(const T* x, int* index, T* value, int n, int inner, int columns) {
    int column = blockIdx.x * 256 + threadIdx.x;
    if (column >= columns) return;
    x += (size_t)(column / inner) * n * inner + column % inner;
    Best best = {0.0f, -1};
    for (int i = 0; i < n; i++) best.take({to_float(x[(size_t)i * inner]), i});
    if (index) index[column] = best.index;
    if (value) value[column] = from_float(best.value);
}
