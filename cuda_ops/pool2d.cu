// Pooling over windows of NCHW: maximum or average. A thread per output; overlapping windows come from the L1 cache.
#include "common.cuh"

struct Span {
    int first, last; // one past the last
};

template <class Op> __device__ __forceinline__ float pool(const T* plane, int width, Span h, Span w, int dh, int dw) {
    float value = Op::start();
    for (int i = h.first; i < h.last; i += dh)
        for (int j = w.first; j < w.last; j += dw) value = Op::combine(value, to_float(plane[(size_t)i * width + j]));
    return value;
}

// average: the divisor is what PyTorch's count_include_pad says: the window within the padded picture, or its real
// part.
extern "C" __global__ void __launch_bounds__(256)
    pool2d(const T* x, T* y, int count, int height, int width, int out_h, int out_w, int kernel_h, int kernel_w,
           int stride_h, int stride_w, int top, int bottom, int left, int right, int dilation_h, int dilation_w,
           int average, int include_pad) {
    int i = blockIdx.x * 256 + threadIdx.x;
    if (i >= count) return;
    int pixel = i % (out_h * out_w);
    const T* plane = x + (size_t)(i / (out_h * out_w)) * height * width;
    int h0 = pixel / out_w * stride_h - top, w0 = pixel % out_w * stride_w - left;
    Span h = {h0, min(h0 + (kernel_h - 1) * dilation_h + 1, height + bottom)};
    Span w = {w0, min(w0 + (kernel_w - 1) * dilation_w + 1, width + right)};
    int padded = (h.last - h.first) * (w.last - w.first);
    // the first tap inside: skipping whole dilation steps
    if (h.first < 0) h.first += (-h.first + dilation_h - 1) / dilation_h * dilation_h;
    if (w.first < 0) w.first += (-w.first + dilation_w - 1) / dilation_w * dilation_w;
    h.last = min(h.last, height);
    w.last = min(w.last, width);
    if (average) {
        int real = max(h.last - h.first, 0) * max(w.last - w.first, 0);
        y[i] = from_float(pool<Sum>(plane, width, h, w, 1, 1) / (include_pad ? padded : real));
    } else
        y[i] = from_float(pool<Max>(plane, width, h, w, dilation_h, dilation_w));
}

// Windows that cover the picture evenly: from floor(i n / out) to ceil((i + 1) n / out).
extern "C" __global__ void __launch_bounds__(256)
    pool2d_adaptive(const T* x, T* y, int count, int height, int width, int out_h, int out_w, int average) {
    int i = blockIdx.x * 256 + threadIdx.x;
    if (i >= count) return;
    int pixel = i % (out_h * out_w), r = pixel / out_w, c = pixel % out_w;
    const T* plane = x + (size_t)(i / (out_h * out_w)) * height * width;
    Span h = {r * height / out_h, ((r + 1) * height + out_h - 1) / out_h};
    Span w = {c * width / out_w, ((c + 1) * width + out_w - 1) / out_w};
    int size = (h.last - h.first) * (w.last - w.first);
    float v = average ? pool<Sum>(plane, width, h, w, 1, 1) / size : pool<Max>(plane, width, h, w, 1, 1);
    y[i] = from_float(v);
}
