// deconv2d (transposed convolution): y = act(convT(x, w) + bias), NCHW.
//
// Scattering each input into the output needs atomics, so outputs gather instead: with u = output + crop, tap k of the
// kernel meets input (u - k) / stride where that is whole. Which taps those are depends only on the phase u % stride.
// Within a phase, u / stride - t for t = 0, 1, ... meets taps phase + t * stride: an ordinary convolution of a smaller
// kernel, run backwards, and so an implicit GEMM (conv2d.cu) with a matrix of weights per phase and no multiplication
// by zeros in x. Phases with fewer taps than others have zero weights there. Dilated or depthwise ones:
// deconv2d_direct.
#include "conv_parts.cuh"

// w [group][phase][k][out_channels padded to four], k = input channel and tap of the phase (taps_h x taps_w).
// grid: pixels of a phase in the whole batch / TILE_N, output channels of a group / TILE_M, groups * phases.
extern "C" __global__ void __launch_bounds__(THREADS)
    deconv2d(const T* __restrict__ x, const T* __restrict__ w, const float* __restrict__ bias, T* __restrict__ y,
             int batch, int channels, int height, int width, int out_channels, int out_h, int out_w, int taps_h,
             int taps_w, int stride_h, int stride_w, int crop_top, int crop_left, int groups, int act, float alpha,
             float beta) {
    int phases = stride_h * stride_w, group = blockIdx.z / phases, phase = blockIdx.z % phases;
    int first_m = blockIdx.y * TILE_M, first_n = blockIdx.x * TILE_N;
    int depth = channels * taps_h * taps_w, padded = (out_channels + 3) / 4 * 4;
    // the phase's first output row and column, and how many rows and columns any phase has at most
    int first_h = (phase / stride_w + stride_h - crop_top % stride_h) % stride_h;
    int first_w = (phase % stride_w + stride_w - crop_left % stride_w) % stride_w;
    int rows = (out_h + stride_h - 1) / stride_h, columns = (out_w + stride_w - 1) / stride_w, pixels = rows * columns;

    Weights weights = {w + (size_t)blockIdx.z * depth * padded, depth, padded, first_m};
    Window backwards = {taps_h, taps_w, 1, 1, 0, 0, -1, -1};
    Patches patches = {x + (size_t)group * channels * height * width, depth, height, width, backwards};
    for (int i = 0; i < 4; i++) {
        int n = first_n + threadIdx.x % (TILE_N / 4) * 4 + i, pixel = n % pixels;
        bool exists = n < batch * pixels;
        patches.start[i] = exists ? n / pixels * groups * channels * height * width : 0;
        patches.top[i] = exists ? (pixel / columns * stride_h + first_h + crop_top) / stride_h : -(1 << 30);
        patches.left[i] = (pixel % columns * stride_w + first_w + crop_left) / stride_w;
    }
    float sum[THREAD_M][THREAD_N] = {};
    multiply(weights, patches, depth, sum);

#pragma unroll
    for (int j = 0; j < THREAD_N; j++) {
        int n = first_n + tile_column(j), pixel = n % pixels;
        int h = pixel / columns * stride_h + first_h, v = pixel % columns * stride_w + first_w;
        if (n >= batch * pixels || h >= out_h || v >= out_w) continue;
#pragma unroll
        for (int i = 0; i < THREAD_M; i++) {
            int m = first_m + tile_row(i);
            if (m >= out_channels) continue;
            int channel = group * out_channels + m;
            size_t at = (((size_t)(n / pixels) * groups * out_channels + channel) * out_h + h) * out_w + v;
            y[at] = from_float(activate(act, sum[i][j] + (bias ? bias[channel] : 0.0f), alpha, beta));
        }
    }
}

// Any dilation; w as PyTorch has it, [in][out / groups][kernel_h][kernel_w]. A thread per output.
extern "C" __global__ void __launch_bounds__(256)
    deconv2d_direct(const T* __restrict__ x, const T* __restrict__ w, const float* __restrict__ bias, T* __restrict__ y,
                    int count, int channels, int height, int width, int out_channels, int out_h, int out_w,
                    int kernel_h, int kernel_w, int stride_h, int stride_w, int crop_top, int crop_left, int dilation_h,
                    int dilation_w, int groups, int act, float alpha, float beta) {
    int i = blockIdx.x * 256 + threadIdx.x;
    if (i >= count) return;
    int pixel = i % (out_h * out_w), channel = i / (out_h * out_w) % (out_channels * groups);
    int picture = i / (out_h * out_w) / (out_channels * groups), group = channel / out_channels;
    int u_h = pixel / out_w + crop_top, u_w = pixel % out_w + crop_left, taps = kernel_h * kernel_w;
    const T* planes = x + ((size_t)picture * groups + group) * channels * height * width;
    const T* kernel = w + ((size_t)group * channels * out_channels + channel % out_channels) * taps;
    float sum = bias ? bias[channel] : 0.0f;
    for (int k = 0; k < taps; k++) {
        int h = u_h - k / kernel_w * dilation_h, v = u_w - k % kernel_w * dilation_w;
        if (h < 0 || v < 0 || h % stride_h || v % stride_w) continue;
        h /= stride_h;
        v /= stride_w;
        if (h >= height || v >= width) continue;
        for (int c = 0; c < channels; c++)
            sum += to_float(planes[((size_t)c * height + h) * width + v]) *
                   to_float(kernel[(size_t)c * out_channels * taps + k]);
    }
    y[i] = from_float(activate(act, sum, alpha, beta));
}
