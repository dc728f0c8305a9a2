// conv2d: y = act(conv(x, w) + bias [+ r]) [+ r], NCHW, any kernel, stride, padding, dilation and number of groups.
//
// Implicit GEMM: of the matrix product  y[m, n] = sum_k w[m, k] * patches[k, n]  (m output channel, n pixel of the
// batch, k = input channel and tap) the patches are never stored; each tile of them is gathered on its way to shared
// memory.
//
// History: 1. a thread per output, all loads from memory: bound by loads. 2. 64 x 64 tiles in shared memory with 4 x 4
// sums per thread (gemm_tile.cuh). 3. weights packed [group][k][m], m padded to four, so that they are read as vectors
// and without bank conflicts; kernel sizes known when compiling (KERNEL_SIZE), so that k is split by multiplications,
// not divisions; a 1 x 1 kernel of stride 1 (POINTWISE) reads x as the plain matrix it is. Depthwise convolutions have
// one input channel per sum and nothing to share: see conv2d_depthwise.cu.
#include "conv_parts.cuh"

#ifndef POINTWISE
#define POINTWISE 0
#endif

// A 1 x 1 kernel of stride 1: pixel n of channel k stands at k * pixels + n, four at a time where pixels % 4 == 0.
struct Pixels {
    static constexpr bool K_FAST = false;
    const T* x;
    int depth, pixels, start[4];

    __device__ __forceinline__ void fetch(int k, int, float* out) const {
        size_t row = (size_t)k * pixels;
        if (k < depth && start[3] >= 0 && pixels % 4 == 0)
            load4(x + start[0] + row, out);
        else
#pragma unroll
            for (int i = 0; i < 4; i++) out[i] = k < depth && start[i] >= 0 ? to_float(x[start[i] + row]) : 0.0f;
    }
};

// grid: pixels of the whole batch / TILE_N, output channels of a group / TILE_M, groups. *_batch: elements from one
// picture to the next, so that x, residual and y may be channel ranges of larger tensors.
extern "C" __global__ void __launch_bounds__(THREADS)
    conv2d(const T* __restrict__ x, const T* __restrict__ w, const float* __restrict__ bias,
           const T* __restrict__ residual, T* __restrict__ y, int batch, int channels, int height, int width,
           int out_channels, int out_h, int out_w, int kernel_h, int kernel_w, int stride_h, int stride_w, int pad_top,
           int pad_left, int dilation_h, int dilation_w, int x_batch, int residual_batch, int y_batch, int act, int add,
           float alpha, float beta) {
    int group = blockIdx.z, first_m = blockIdx.y * TILE_M, first_n = blockIdx.x * TILE_N;
    int depth = channels * kernel_h * kernel_w, pixels = out_h * out_w, padded = (out_channels + 3) / 4 * 4;
    Weights weights = {w + (size_t)group * depth * padded, depth, padded, first_m};
    const T* x_group = x + (size_t)group * channels * height * width;
    int column = first_n + threadIdx.x % (TILE_N / 4) * 4; // of this thread's loads; the same in all of them

    float sum[THREAD_M][THREAD_N] = {};
#if POINTWISE
    Pixels operand = {x_group, depth, pixels};
    for (int i = 0; i < 4; i++) {
        int n = column + i;
        operand.start[i] = n < batch * pixels ? n / pixels * x_batch + n % pixels : -1;
    }
#else
    Window window = {kernel_h, kernel_w, stride_h, stride_w, pad_top, pad_left, dilation_h, dilation_w};
    Patches operand = {x_group, depth, height, width, window};
    for (int i = 0; i < 4; i++) {
        int n = column + i, pixel = n % pixels;
        bool exists = n < batch * pixels;
        operand.start[i] = exists ? n / pixels * x_batch : 0;
        operand.top[i] = exists ? pixel / out_w * stride_h - pad_top : -(1 << 30); // so no row is inside
        operand.left[i] = pixel % out_w * stride_w - pad_left;
    }
#endif
    multiply(weights, operand, depth, sum);

    Epilogue epilogue = {bias, residual, act, add, alpha, beta};
#pragma unroll
    for (int j = 0; j < THREAD_N; j++) {
        int n = first_n + tile_column(j);
        if (n >= batch * pixels) continue;
        int picture = n / pixels, pixel = n % pixels;
#pragma unroll
        for (int i = 0; i < THREAD_M; i++) {
            int m = first_m + tile_row(i);
            if (m >= out_channels) continue;
            int channel = group * out_channels + m;
            size_t at = (size_t)channel * pixels + pixel;
            y[picture * (size_t)y_batch + at] =
                from_float(epilogue(sum[i][j], channel, picture * (size_t)residual_batch + at));
        }
    }
}
