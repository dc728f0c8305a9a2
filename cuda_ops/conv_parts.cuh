// What convolutions and transposed convolutions share: their operands as gemm_tile.cuh fetches them, and their
// epilogue.
#pragma once
#include "gemm_tile.cuh"

#ifndef KERNEL_SIZE // 0: known only at run time
#define KERNEL_SIZE 0
#endif

struct Weights { // [k][out_channels padded to four]
    static constexpr bool K_FAST = false;
    const T* w;
    int depth, stride, first;

    __device__ __forceinline__ void fetch(int k, int c, float* out) const {
        if (k < depth && first + c < stride)
            load4(w + (size_t)k * stride + first + c, out);
        else
            out[0] = out[1] = out[2] = out[3] = 0.0f;
    }
};

struct Window {
    int kernel_h, kernel_w, stride_h, stride_w, pad_top, pad_left, dilation_h, dilation_w;
};

// Four neighbouring output pixels: where the window of each starts in x.
struct Patches {
    static constexpr bool K_FAST = false;
    const T* x;
    int depth, height, width;
    Window window;
    int start[4], top[4], left[4];

    __device__ __forceinline__ void fetch(int k, int, float* out) const {
        int kernel_h = KERNEL_SIZE ? KERNEL_SIZE : window.kernel_h,
            kernel_w = KERNEL_SIZE ? KERNEL_SIZE : window.kernel_w;
        int tap = k % (kernel_h * kernel_w), channel = k / (kernel_h * kernel_w);
        int dh = tap / kernel_w * window.dilation_h, dw = tap % kernel_w * window.dilation_w;
#pragma unroll
        for (int i = 0; i < 4; i++) {
            int h = top[i] + dh, w = left[i] + dw;
            bool inside = k < depth && (unsigned)h < (unsigned)height && (unsigned)w < (unsigned)width;
            out[i] = inside ? to_float(x[(size_t)start[i] + ((size_t)channel * height + h) * width + w]) : 0.0f;
        }
    }
};

// What happens to a sum before it is stored. add: 0 no residual, 1 before the activation, 2 after it.
struct Epilogue {
    const float* bias;
    const T* residual;
    int act, add;
    float alpha, beta;

    __device__ __forceinline__ float operator()(float sum, int channel, size_t residual_at) const {
        if (bias) sum += bias[channel];
        if (add == 1) sum += to_float(residual[residual_at]);
        sum = activate(act, sum, alpha, beta);
        return add == 2 ? sum + to_float(residual[residual_at]) : sum;
    }
};
