// A block sorts ranked values in place: bitonic sort (Batcher 1968), for any memory the block can see.
#pragma once
#include "best.cuh"

// values[0 ... size) with size a power of two; what fills up has index -1 and comes last. All threads of the block take
// part. Begins and ends with a barrier.
__device__ __forceinline__ void sort_block(Best* values, int size) {
    for (int width = 2; width <= size; width *= 2)
        for (int distance = width / 2; distance > 0; distance /= 2) {
            __syncthreads();
            for (int t = threadIdx.x; t < size / 2; t += blockDim.x) {
                int i = t / distance * distance * 2 + t % distance, j = i + distance;
                Best a = values[i], b = values[j];
                bool falling = (i & width) == 0;
                if (falling ? b.beats(a) : a.beats(b)) {
                    values[i] = b;
                    values[j] = a;
                }
            }
        }
    __syncthreads();
}

__device__ __forceinline__ int power_of_two(int n) { // the next from n on
    int size = 1;
    while (size < n) size *= 2;
    return size;
}
