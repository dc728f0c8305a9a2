// softmax (or its logarithm) along one axis; the tensor is seen as [outer, n, inner].
//
// The maximum is subtracted first, so that exp never overflows. History: 1. three passes over memory (maximum, sum,
// result). 2. maximum and sum in one pass (Milakov and Gimelshein 2018, "Online normalizer calculation for softmax"):
// when a larger maximum is met, the sum so far is scaled by exp(old - new).
#include "common.cuh"

struct Running {
    float max, sum; // sum of exp(x - max)

    __device__ __forceinline__ void add(float x) {
        if (x <= max)
            sum += x == -infinity() ? 0.0f : expf(x - max);
        else { // a new maximum, or NaN
            sum = (max == -infinity() ? 0.0f : sum * expf(max - x)) + 1.0f;
            max = x;
        }
    }
    __device__ __forceinline__ float result(float x, int log) const {
        return log ? x - max - logf(sum) : expf(x - max) / sum;
    }
};

// inner == 1. A block per row, of up to 256 threads.
extern "C" __global__ void __launch_bounds__(256) softmax_rows(const T* x, T* y, int n, int log) {
    x += (size_t)blockIdx.x * n;
    y += (size_t)blockIdx.x * n;
    Running mine = {-infinity(), 0.0f};
    for (int i = threadIdx.x; i < n; i += blockDim.x) mine.add(to_float(x[i]));
    float max = reduce_block<Max>(mine.max);
    // a thread without elements has nothing to add (and -inf - -inf is no number)
    float sum = reduce_block<Sum>(mine.sum == 0.0f ? 0.0f : mine.sum * expf(mine.max - max));
    Running row = {max, sum};
    for (int i = threadIdx.x; i < n; i += blockDim.x) y[i] = from_float(row.result(to_float(x[i]), log));
}

// inner > 1. A thread per column: neighbours read neighbours.
extern "C" __global__ void __launch_bounds__(256)
    softmax_columns(const T* x, T* y, int n, int inner, int columns, int log) {
    int column = blockIdx.x * 256 + threadIdx.x;
    if (column >= columns) return;
    size_t start = (size_t)(column / inner) * n * inner + column % inner;
    Running all = {-infinity(), 0.0f};
    for (int i = 0; i < n; i++) all.add(to_float(x[start + (size_t)i * inner]));
    for (int i = 0; i < n; i++) {
        size_t at = start + (size_t)i * inner;
        y[at] = from_float(all.result(to_float(x[at]), log));
    }
}
