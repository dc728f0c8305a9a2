// Resizing of NCHW pictures: nearest neighbour, bilinear and bicubic. A thread per output pixel.
#include "common.cuh"

// Source index of output i: floor(i * size / out), in whole numbers, so exact for every factor.
extern "C" __global__ void __launch_bounds__(256)
    resize_nearest(const T* x, T* y, int count, int height, int width, int out_h, int out_w) {
    int i = blockIdx.x * 256 + threadIdx.x;
    if (i >= count) return;
    int pixel = i % (out_h * out_w);
    int h = (int)((long long)(pixel / out_w) * height / out_h), w = (int)((long long)(pixel % out_w) * width / out_w);
    y[i] = x[((size_t)(i / (out_h * out_w)) * height + h) * width + w];
}

struct Between { // two neighbours and how far from the first
    int first, second;
    float part;
};

// Corners aligned: i * (size - 1) / (out - 1); else pixel centres: (i + 0.5) * size / out - 0.5, not below 0.
__device__ __forceinline__ Between between(int i, int size, float scale, int align_corners) {
    float at = align_corners ? i * scale : fmaxf((i + 0.5f) * scale - 0.5f, 0.0f);
    int first = min((int)at, size - 1);
    return {first, min(first + 1, size - 1), at - first};
}

extern "C" __global__ void __launch_bounds__(256)
    resize_bilinear(const T* x, T* y, int count, int height, int width, int out_h, int out_w, float scale_h,
                    float scale_w, int align_corners) {
    int i = blockIdx.x * 256 + threadIdx.x;
    if (i >= count) return;
    int pixel = i % (out_h * out_w);
    Between h = between(pixel / out_w, height, scale_h, align_corners);
    Between w = between(pixel % out_w, width, scale_w, align_corners);
    const T* plane = x + (size_t)(i / (out_h * out_w)) * height * width;
    const T *top = plane + (size_t)h.first * width, *bottom = plane + (size_t)h.second * width;
    float above = to_float(top[w.first]) * (1.0f - w.part) + to_float(top[w.second]) * w.part;
    float below = to_float(bottom[w.first]) * (1.0f - w.part) + to_float(bottom[w.second]) * w.part;
    y[i] = from_float(above * (1.0f - h.part) + below * h.part);
}

struct Taps { // four neighbours and what each counts
    int index[4];
    float part[4];
};

// Keys' cubic convolution with a = -0.75 (Keys 1981); beyond the edge the last element goes on.
__device__ __forceinline__ Taps taps(int i, int size, float scale, int align_corners) {
    constexpr float A = -0.75f;
    float at = align_corners ? i * scale : (i + 0.5f) * scale - 0.5f;
    int first = (int)floorf(at);
    float t = at - first, u = 1.0f - t, far = t + 1.0f, opposite = 2.0f - t;
    Taps found = {{0, 0, 0, 0},
                  {((A * far - 5.0f * A) * far + 8.0f * A) * far - 4.0f * A, ((A + 2.0f) * t - (A + 3.0f)) * t * t + 1.0f,
                   ((A + 2.0f) * u - (A + 3.0f)) * u * u + 1.0f,
                   ((A * opposite - 5.0f * A) * opposite + 8.0f * A) * opposite - 4.0f * A}};
    for (int k = 0; k < 4; k++) found.index[k] = min(max(first - 1 + k, 0), size - 1);
    return found;
}

extern "C" __global__ void __launch_bounds__(256)
    resize_bicubic(const T* x, T* y, int count, int height, int width, int out_h, int out_w, float scale_h,
                   float scale_w, int align_corners) {
    int i = blockIdx.x * 256 + threadIdx.x;
    if (i >= count) return;
    int pixel = i % (out_h * out_w);
    Taps h = taps(pixel / out_w, height, scale_h, align_corners);
    Taps w = taps(pixel % out_w, width, scale_w, align_corners);
    const T* plane = x + (size_t)(i / (out_h * out_w)) * height * width;
    float sum = 0.0f;
    for (int r = 0; r < 4; r++) {
        const T* row = plane + (size_t)h.index[r] * width;
        float across = 0.0f;
        for (int c = 0; c < 4; c++) across += w.part[c] * to_float(row[w.index[c]]);
        sum += h.part[r] * across;
    }
    y[i] = from_float(sum);
}
