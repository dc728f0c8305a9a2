// Each kernel holds one planted bug. A line that a report should name ends in a comment with "BUG".
// clang-format off: the marks must stay on their lines
// Input x: 1024 floats, output y: 1024 floats (write_past_end_odd: 1001), 256 threads a block.

#include <mma.h>
using namespace nvcuda::wmma;

extern "C" __global__ void missing_sync(const float *x, float *y)
{
    __shared__ float s[256];
    s[threadIdx.x] = x[blockIdx.x * 256 + threadIdx.x]; // BUG: told where the second access of a clash is
    y[blockIdx.x * 256 + threadIdx.x] = s[255 - threadIdx.x]; // BUG
}

extern "C" __global__ void missing_sync_neighbour(const float *x, float *y) // harmless in forward order
{
    __shared__ float s[256];
    s[threadIdx.x] = x[blockIdx.x * 256 + threadIdx.x];
    y[blockIdx.x * 256 + threadIdx.x] = threadIdx.x ? s[threadIdx.x - 1] : 0.0f; // BUG
}

extern "C" __global__ void missing_second_sync(const float *x, float *y)
{
    __shared__ float s[256];
    float a = 0;
    for (int k = 0; k < 4; k++) {
        s[threadIdx.x] = x[(blockIdx.x * 256 + threadIdx.x + 64 * k) & 1023]; // BUG: the last round may still be read
        __syncthreads();
        a += s[255 - threadIdx.x]; // BUG: or be written already
    }
    y[blockIdx.x * 256 + threadIdx.x] = a;
}

extern "C" __global__ void warp_without_syncwarp(const float *x, float *y) // the pre-Volta warp-synchronous reduction
{
    __shared__ volatile float s[256];
    s[threadIdx.x] = x[blockIdx.x * 256 + threadIdx.x];
    __syncthreads();
    if (threadIdx.x < 32) {
        for (int o = 16; o > 0; o >>= 1)
            s[threadIdx.x] += s[threadIdx.x + o]; // BUG
    }
    if (threadIdx.x == 0) y[blockIdx.x * 256] = s[0];
}

extern "C" __global__ void atomic_and_plain_read(const float *x, float *y)
{
    __shared__ float s;
    if (threadIdx.x == 0) s = 0;
    __syncthreads();
    atomicAdd(&s, x[threadIdx.x]); // BUG
    y[threadIdx.x] = s; // BUG: the others may not have added yet
}

extern "C" __global__ void fragment_without_sync(const float *x, float *y) // one warp of the block loads what all wrote
{
    __shared__ __align__(32) __half s[256];
    fragment<accumulator, 16, 16, 16, float> sum;
    fragment<matrix_a, 16, 16, 16, __half, row_major> a;
    fragment<matrix_b, 16, 16, 16, __half, row_major> b;
    fill_fragment(sum, 0.0f);
    s[threadIdx.x] = __float2half(x[threadIdx.x]); // BUG
    if (threadIdx.x >= 32) return;
    load_matrix_sync(a, s, 16); // BUG
    load_matrix_sync(b, s, 16); // BUG
    mma_sync(sum, a, b, sum);
    store_matrix_sync(y, sum, 16, mem_row_major);
}

extern "C" __global__ void fragment_read_too_early(const float *x, float *y) // a store orders no reads of other lanes
{
    __shared__ __align__(32) float s[8][256];
    fragment<accumulator, 16, 16, 16, float> sum;
    fill_fragment(sum, x[0]);
    float *mine = s[threadIdx.x / 32];
    store_matrix_sync(mine, sum, 16, mem_row_major); // BUG: told where the second access of a clash is
    y[threadIdx.x] = mine[255 - threadIdx.x % 32]; // BUG
}

extern "C" __global__ void fragment_misaligned(const float *x, float *y)
{
    fragment<accumulator, 16, 16, 16, float> sum;
    load_matrix_sync(sum, x + 4, 16, mem_row_major); // BUG
    store_matrix_sync(y, sum, 16, mem_row_major);
}

extern "C" __global__ void product_in_branch(const float *x, float *y)
{
    fragment<accumulator, 16, 16, 16, float> sum;
    fill_fragment(sum, x[0]);
    if (threadIdx.x & 1) store_matrix_sync(y, sum, 16, mem_row_major); // BUG
}

extern "C" __global__ void read_past_end(const float *__restrict__ x, float *__restrict__ y)
{
    int i = blockIdx.x * 256 + threadIdx.x;
    y[i] = 0.5f * (x[i] + x[i + 1]); // BUG
}

extern "C" __global__ void write_past_end(const float *__restrict__ x, float *__restrict__ y)
{
    int i = blockIdx.x * 256 + threadIdx.x;
    y[i + 1] = x[i]; // BUG
}

extern "C" __global__ void write_past_end_odd(const float *__restrict__ x, float *__restrict__ y) // no page is crossed
{
    int i = blockIdx.x * 256 + threadIdx.x;
    if (i < 1002) y[i] = x[i]; // BUG
}

extern "C" __global__ void write_before_start(const float *__restrict__ x, float *__restrict__ y)
{
    int i = blockIdx.x * 256 + threadIdx.x;
    y[i - 1] = x[i]; // BUG
}

extern "C" __global__ void dynamic_shared_over(const float *x, float *y) // launched with 1024 bytes, uses 1028
{
    extern __shared__ float d[];
    d[threadIdx.x + 1] = x[threadIdx.x]; // BUG
    __syncthreads();
    y[threadIdx.x] = d[threadIdx.x + 1];
}

extern "C" __global__ void static_shared_over(const float *x, float *y)
{
    __shared__ float s[256];
    __shared__ float other[256];
    other[threadIdx.x] = 0;
    s[threadIdx.x + 1] = x[threadIdx.x]; // BUG
    __syncthreads();
    y[threadIdx.x] = s[threadIdx.x + 1] + other[255 - threadIdx.x];
}

extern "C" __global__ void inner_index_over(const float *x, float *y) // s[r][16] is s[r + 1][0]
{
    __shared__ float s[16][16];
    int r = threadIdx.x / 16, c = threadIdx.x % 16;
    s[r][c] = x[threadIdx.x];
    __syncthreads();
    y[threadIdx.x] = s[r < 15 ? r : 14][c + 1]; // BUG
}

extern "C" __global__ void uninit_shared(const float *x, float *y)
{
    __shared__ float s;
    atomicAdd(&s, x[threadIdx.x]); // BUG: shared memory does not start at 0
    __syncthreads();
    if (threadIdx.x == 0) y[0] = s;
}

extern "C" __global__ void unwritten_output(const float *x, float *y) // nothing to report, but NaN is left in y
{
    int i = blockIdx.x * 256 + threadIdx.x;
    if (i < 1000) y[i] = x[i];
}

extern "C" __global__ void uninit_global(const float *x, float *y)
{
    int i = blockIdx.x * 256 + threadIdx.x;
    y[i] += x[i]; // BUG
}

extern "C" __global__ void misaligned_vec(const float *x, float *y)
{
    float4 v = *(const float4 *)(x + 1 + 4 * (threadIdx.x % 64)); // BUG
    y[threadIdx.x] = v.x + v.y + v.z + v.w;
}

extern "C" __global__ void misaligned_int(const float *x, float *y)
{
    y[threadIdx.x] = *(const int *)((const unsigned char *)x + 1 + threadIdx.x); // BUG
}

extern "C" __global__ void divergent_sync(const float *x, float *y)
{
    __shared__ float s[256];
    s[threadIdx.x] = x[threadIdx.x];
    if (threadIdx.x < 128) {
        __syncthreads(); // BUG
        y[threadIdx.x] = s[threadIdx.x];
    } else {
        __syncthreads(); // BUG
        y[threadIdx.x] = 2 * s[threadIdx.x];
    }
}

extern "C" __global__ void return_before_sync(const float *x, float *y)
{
    __shared__ float s[256];
    if (threadIdx.x >= 200) return;
    s[threadIdx.x] = x[threadIdx.x];
    __syncthreads(); // BUG
    y[threadIdx.x] = s[199 - threadIdx.x];
}

extern "C" __global__ void shuffle_in_branch(const float *x, float *y) // full mask, half the warp
{
    float v = x[threadIdx.x];
    if (threadIdx.x & 1) v += __shfl_down_sync(0xffffffffu, v, 2); // BUG
    y[threadIdx.x] = v;
}

extern "C" __global__ void shuffle_from_outside(const float *x, float *y) // reads a lane that is not in the mask
{
    float v = x[threadIdx.x];
    if ((threadIdx.x & 31) < 16) v += __shfl_down_sync(0x0000ffffu, v, 8); // BUG
    y[threadIdx.x] = v;
}

extern "C" __global__ void blocks_race(const float *x, float *y)
{
    y[threadIdx.x] += x[blockIdx.x * 256 + threadIdx.x]; // BUG: should be atomicAdd
}

extern "C" __global__ void null_pointer(const float *x, float *y)
{
    y[threadIdx.x] = *(const float *)(size_t)(threadIdx.x * 4); // BUG
}

extern "C" __global__ void stack_eater(const float *x, float *y)
{ // BUG: 160 kB of local variables
    volatile float a[40000];
    for (int i = 39999; i >= 0; i--) a[i] = x[i & 255]; // BUG
    y[threadIdx.x] = a[threadIdx.x];
}

extern "C" __global__ void divide_by_zero(const float *x, float *y)
{
    y[threadIdx.x] = 1000 / (int)(threadIdx.x - 7) + x[0]; // BUG
}

extern "C" __global__ void endless_loop(const float *x, float *y)
{
    volatile int go = 1;
    while (go) go = 1;
    y[threadIdx.x] = x[0];
}

extern "C" __global__ void endless_barriers(const float *x, float *y)
{
    volatile int go = 1;
    while (go) __syncthreads();
    y[threadIdx.x] = x[0];
}

// The last-block pattern: partial results in y[1...], a ticket in y[0], the sum into y[0] of the last block.
template <bool FENCE, bool TRUST> __device__ void last_block(const float *x, float *y)
{
    __shared__ bool last;
    if (threadIdx.x == 0) {
        y[1 + blockIdx.x] = x[blockIdx.x];
        if (FENCE) __threadfence();
        last = atomicAdd((unsigned *)y, 1u) == gridDim.x - 1;
    }
    __syncthreads();
    if (!last || threadIdx.x) return;
    if (TRUST) TRUST_FENCED_BLOCKS();
    float sum = 0;
    for (int i = 0; i < gridDim.x; i++) sum += ((volatile float *)y)[1 + i]; // BUG
    y[1 + gridDim.x] = sum;
}
extern "C" __global__ void last_block_without_fence(const float *x, float *y) { last_block<false, true>(x, y); }
extern "C" __global__ void last_block_unmarked(const float *x, float *y) { last_block<true, false>(x, y); }
extern "C" __global__ void last_block_right(const float *x, float *y) { last_block<true, true>(x, y); }
