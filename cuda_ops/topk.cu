// The k largest values along an axis of [outer, n, inner] and where they stand, largest first, of equal values the
// first.
//
// Up to 4096 values fit in shared memory and are sorted there. More are searched k times, each time for the best of
// those that rank below the last one found: n * k comparisons, but no memory beyond the result; right for the small k
// of detectors.
#include "sort.cuh"

// A block per row or column; size: n rounded up to a power of two, 8 * size bytes of shared memory.
extern "C" __global__ void __launch_bounds__(512)
    topk_sort(const T* x, T* value, int* index, int n, int inner, int k, int size) {
    extern __shared__ __align__(8) Best sorted[];
    int outer = blockIdx.x / inner, column = blockIdx.x % inner;
    x += (size_t)outer * n * inner + column;
    for (int i = threadIdx.x; i < size; i += blockDim.x) {
        sorted[i].value = i < n ? to_float(x[(size_t)i * inner]) : 0.0f;
        sorted[i].index = i < n ? i : -1;
    }
    sort_block(sorted, size);
    for (int i = threadIdx.x; i < k; i += blockDim.x) {
        size_t at = ((size_t)outer * k + i) * inner + column;
        value[at] = from_float(sorted[i].value);
        index[at] = sorted[i].index;
    }
}

extern "C" __global__ void __launch_bounds__(1024)
    topk_select(const T* x, T* value, int* index, int n, int inner, int k) {
    __shared__ Best partial[32], found;
    int outer = blockIdx.x / inner, column = blockIdx.x % inner;
    x += (size_t)outer * n * inner + column;
    Best last = {0.0f, -1};
    for (int rank = 0; rank < k; rank++) {
        Best best = {0.0f, -1};
        for (int i = threadIdx.x; i < n; i += blockDim.x) {
            Best candidate = {to_float(x[(size_t)i * inner]), i};
            if (rank == 0 || last.beats(candidate)) best.take(candidate);
        }
        best = best_of_warp(best);
        if (threadIdx.x % 32 == 0) partial[threadIdx.x / 32] = best;
        __syncthreads();
        if (threadIdx.x == 0) {
            for (int i = 1; i < blockDim.x / 32; i++) best.take(partial[i]);
            found = best;
            size_t at = ((size_t)outer * k + rank) * inner + column;
            value[at] = from_float(best.value);
            index[at] = best.index;
        }
        __syncthreads();
        last = found;
    }
}
