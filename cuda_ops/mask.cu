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
