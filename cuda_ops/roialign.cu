// RoIAlign (He et al. 2017, arXiv:1703.06870): the mean of bilinear samples in every bin of a box. A thread per output.
#include "common.cuh"

// Bilinear sample of a plane; 0 beyond one element outside, the edge's value up to there.
__device__ __forceinline__ float sample(const T* plane, int height, int width, float y, float x) {
    if (!(y >= -1.0f && y <= height && x >= -1.0f && x <= width)) return 0.0f;
    y = fminf(fmaxf(y, 0.0f), height - 1.0f);
    x = fminf(fmaxf(x, 0.0f), width - 1.0f);
    int top = (int)y, left = (int)x, bottom = min(top + 1, height - 1), right = min(left + 1, width - 1);
    float down = y - top, across = x - left;
    float above = to_float(plane[top * width + left]) * (1.0f - across) + to_float(plane[top * width + right]) * across;
    float below = to_float(plane[bottom * width + left]) * (1.0f - across) +
                  to_float(plane[bottom * width + right]) * across;
    return above * (1.0f - down) + below * down;
}

// x [batch, channels, height, width], boxes [count / channels / size^2, 5]: index in the batch, x1, y1, x2, y2. samples:
// along each side of a bin; 0: the bin's size in elements, rounded up.
extern "C" __global__ void __launch_bounds__(256)
    roialign(const T* x, const T* boxes, T* y, int count, int channels, int height, int width, int size, int samples,
             int aligned, float scale) {
    int i = blockIdx.x * 256 + threadIdx.x;
    if (i >= count) return;
    int column = i % size, row = i / size % size, channel = i / size / size % channels;
    const T* box = boxes + (size_t)(i / size / size / channels) * 5;
    float shift = aligned ? 0.5f : 0.0f, x1 = to_float(box[1]) * scale, y1 = to_float(box[2]) * scale;
    float w = to_float(box[3]) * scale - x1, h = to_float(box[4]) * scale - y1;
    if (!aligned) {
        w = fmaxf(w, 1.0f);
        h = fmaxf(h, 1.0f);
    }
    float step_x = w / size, step_y = h / size;
    int across = samples ? samples : max((int)ceilf(step_x), 0), down = samples ? samples : max((int)ceilf(step_y), 0);
    const T* plane = x + ((size_t)(int)to_float(box[0]) * channels + channel) * height * width;
    float sum = 0.0f;
    for (int r = 0; r < down; r++)
        for (int c = 0; c < across; c++)
            sum += sample(plane, height, width, y1 - shift + row * step_y + (r + 0.5f) * step_y / down,
                          x1 - shift + column * step_x + (c + 0.5f) * step_x / across);
    y[i] = from_float(sum / max(across * down, 1));
}
