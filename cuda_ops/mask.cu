// Masks cut to their boxes: what lies outside becomes 0. A thread per element.
#include "common.cuh"

// x and y [masks, height, width], boxes [masks, 4]: x1, y1, x2, y2; x1 <= column < x2 and y1 <= row < y2 is inside.
extern "C" __global__ void __launch_bounds__(256)
    mask_crop(const T* x, const T* boxes, T* y, int count, int height, int width) {
    int i = blockIdx.x * 256 + threadIdx.x;
    if (i >= count) return;
    int column = i % width, row = i / width % height;
    const T* box = boxes + (size_t)(i / width / height) * 4;
    bool inside = column >= to_float(box[0]) && column < to_float(box[2]) && row >= to_float(box[1]) &&
                  row < to_float(box[3]);
    y[i] = inside ? x[i] : from_float(0.0f);
}

// y [masks, f height, f width] = 1 where the mask's logit is above 0 and inside its box, else 0. logits [images, masks,
// height, width], enlarged bilinearly (pixel centres) by the factor f; image [masks] says whose. Masks from *used on
// (null: none) are left as they are. grid: pixels of a mask / 256, masks.
extern "C" __global__ void __launch_bounds__(256)
    mask_instances(const T* logits, const int* image, const T* boxes, const int* used, unsigned char* y, int masks,
                   int height, int width, int factor) {
    int mask = blockIdx.y, i = blockIdx.x * 256 + threadIdx.x, wide = width * factor, high = height * factor;
    if (i >= high * wide || (used && mask >= *used)) return;
    int column = i % wide, row = i / wide;
    const T* box = boxes + (size_t)mask * 4;
    bool inside = column >= to_float(box[0]) && column < to_float(box[2]) && row >= to_float(box[1]) &&
                  row < to_float(box[3]);
    float at_y = fmaxf((row + 0.5f) / factor - 0.5f, 0.0f), at_x = fmaxf((column + 0.5f) / factor - 0.5f, 0.0f);
    int top = (int)at_y, left = (int)at_x, bottom = min(top + 1, height - 1), right = min(left + 1, width - 1);
    float down = at_y - top, across = at_x - left;
    const T* own = logits + ((size_t)image[mask] * masks + mask) * height * width;
    float above = to_float(own[top * width + left]) * (1.0f - across) + to_float(own[top * width + right]) * across;
    float below = to_float(own[bottom * width + left]) * (1.0f - across) + to_float(own[bottom * width + right]) * across;
    y[(size_t)mask * high * wide + i] = inside && above * (1.0f - down) + below * down > 0.0f;
}
