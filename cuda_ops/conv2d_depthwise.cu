// Depthwise conv2d: each output channel sums over one input channel only, so there is no matrix product to share loads
// in; the cost is reading x and writing y. A thread per output pixel; a block is 32 x 8 pixels of one channel, whose
// overlapping windows the L1 cache serves. The channel's taps stand in shared memory.
#include "common.cuh"

constexpr int MAX_TAPS = 1024; // 32 x 32

// The arguments are conv2d's (channels and out_channels count one group's: 1 and the multiplier), then the number of
// groups. grid: out_w / 32, out_h / 8, batch * output channels.
extern "C" __global__ void __launch_bounds__(256)
    conv2d_depthwise(const T* __restrict__ x, const T* __restrict__ w, const float* __restrict__ bias,
                     const T* __restrict__ residual, T* __restrict__ y, int batch, int channels, int height, int width,
                     int multiplier, int out_h, int out_w, int kernel_h, int kernel_w, int stride_h, int stride_w,
                     int pad_top, int pad_left, int dilation_h, int dilation_w, int x_batch, int residual_batch,
                     int y_batch, int act, int add, float alpha, float beta, int groups) {
    __shared__ float taps[MAX_TAPS];
    int channel = blockIdx.z % (groups * multiplier), picture = blockIdx.z / (groups * multiplier);
    int size = kernel_h * kernel_w;
    for (int i = threadIdx.y * 32 + threadIdx.x; i < size; i += 256) taps[i] = to_float(w[(size_t)channel * size + i]);
    __syncthreads();
    int out_x = blockIdx.x * 32 + threadIdx.x, out_y = blockIdx.y * 8 + threadIdx.y;
    if (out_x >= out_w || out_y >= out_h) return;

    const T* plane = x + (size_t)picture * x_batch + (size_t)(channel / multiplier) * height * width;
    int top = out_y * stride_h - pad_top, left = out_x * stride_w - pad_left;
    float sum = bias ? bias[channel] : 0.0f;
    for (int i = 0; i < kernel_h; i++) {
        int h = top + i * dilation_h;
        if ((unsigned)h >= (unsigned)height) continue;
        for (int j = 0; j < kernel_w; j++) {
            int v = left + j * dilation_w;
            if ((unsigned)v < (unsigned)width) sum += taps[i * kernel_w + j] * to_float(plane[(size_t)h * width + v]);
        }
    }
    size_t at = ((size_t)channel * out_h + out_y) * out_w + out_x;
    if (add == 1) sum += to_float(residual[picture * (size_t)residual_batch + at]);
    sum = activate(act, sum, alpha, beta);
    if (add == 2) sum += to_float(residual[picture * (size_t)residual_batch + at]);
    y[picture * (size_t)y_batch + at] = from_float(sum);
}
