// Elements picked by an index, which counts from the end where it is negative. A thread per output element.
//
// An index that lies outside gives NaN (0 in whole numbers), so that it is seen and nothing is read beyond the tensor.
#include "common.cuh"

__device__ __forceinline__ T outside() { return from_float(STORAGE_TYPE < 3 ? infinity() - infinity() : 0.0f); }

__device__ __forceinline__ T pick(const T* x, int index, int n, size_t start, int inner) {
    if (index < 0) index += n;
    return index >= 0 && index < n ? x[start + (size_t)index * inner] : outside();
}

// y [outer, picks, inner] = x [outer, n, inner] at index [picks].
extern "C" __global__ void __launch_bounds__(256)
    gather(const T* x, const int* index, T* y, int count, int n, int inner, int picks) {
    int i = blockIdx.x * 256 + threadIdx.x;
    if (i >= count) return;
    int outer = i / inner / picks;
    y[i] = pick(x, index[i / inner % picks], n, (size_t)outer * n * inner + i % inner, inner);
}

// y and index [outer, picks, inner]: y[o, p, i] = x[o, index[o, p, i], i].
extern "C" __global__ void __launch_bounds__(256)
    gather_elements(const T* x, const int* index, T* y, int count, int n, int inner, int picks) {
    int i = blockIdx.x * 256 + threadIdx.x;
    if (i >= count) return;
    int outer = i / inner / picks;
    y[i] = pick(x, index[i], n, (size_t)outer * n * inner + i % inner, inner);
}
