// The order in which argmax, topk and nms rank values: the largest first, of equal values the one with the lower index.
// A NaN counts as the largest, as in NumPy and PyTorch.
#pragma once
#include "common.cuh"

struct Best {
    float value;
    int index; // -1: none yet

    __device__ __forceinline__ bool beats(const Best& o) const {
        if (index < 0 || o.index < 0) return index >= 0 && o.index < 0;
        bool nan = value != value, other_nan = o.value != o.value;
        if (nan != other_nan) return nan;
        return value > o.value || ((value == o.value || nan) && index < o.index);
    }
    __device__ __forceinline__ void take(const Best& o) {
        if (o.beats(*this)) *this = o;
    }
};

__device__ __forceinline__ Best best_of_warp(Best best) {
#pragma unroll
    for (int o = 16; o > 0; o >>= 1)
        best.take({__shfl_xor_sync(FULL_WARP, best.value, o), __shfl_xor_sync(FULL_WARP, best.index, o)});
    return best;
}
