// Heads of one-stage detectors, decoded into boxes in pixels and class scores.
//
// A thread per cell and anchor reads its values one after another; neighbouring threads are neighbouring cells, so that
// maps with cells along memory are read in order. All strides are given: the same kernel reads flattened maps.
#include "common.cuh"

enum Mode { YOLOV5, YOLOX };

// boxes [count, 4] (centre and size), scores [count, classes] (objectness * class), count = batch * anchors * cells in
// that order. yolov5: with s = sigmoid(v), xy = (2 s - 0.5 + cell) * stride, wh = (2 s)^2 * anchor (Detect of
// YOLOv5 6.2); yolox: xy = (v + cell) * stride, wh = exp(v) * stride, scores are sigmoids already
// (YOLOXHead.decode_outputs). sizes: what w and h are multiplied with, two floats per anchor.
extern "C" __global__ void __launch_bounds__(256)
    yolo(const T* x, T* boxes, T* scores, const float* __restrict__ sizes, int count, int anchors, int cells, int width,
         int classes, int batch_stride, int anchor_stride, int value_stride, int cell_stride, int mode, float stride) {
    int i = blockIdx.x * 256 + threadIdx.x;
    if (i >= count) return;
    int cell = i % cells, anchor = i / cells % anchors, picture = i / cells / anchors;
    const T* value = x + (size_t)picture * batch_stride + (size_t)anchor * anchor_stride + (size_t)cell * cell_stride;
    float at[2] = {(float)(cell % width), (float)(cell / width)};
    for (int d = 0; d < 2; d++) {
        float xy = to_float(value[(size_t)d * value_stride]), wh = to_float(value[(size_t)(d + 2) * value_stride]);
        float size = __ldg(sizes + 2 * anchor + d);
        if (mode == YOLOV5) {
            xy = sigmoid(xy) * 2.0f - 0.5f;
            wh = sigmoid(wh) * 2.0f;
            wh *= wh;
        } else
            wh = expf(wh);
        boxes[(size_t)i * 4 + d] = from_float((xy + at[d]) * stride);
        boxes[(size_t)i * 4 + d + 2] = from_float(wh * size);
    }
    float objectness = to_float(value[(size_t)4 * value_stride]);
    if (mode == YOLOV5) objectness = sigmoid(objectness);
    for (int c = 0; c < classes; c++) {
        float score = to_float(value[(size_t)(5 + c) * value_stride]);
        scores[(size_t)i * classes + c] = from_float(objectness * (mode == YOLOV5 ? sigmoid(score) : score));
    }
}

// Anchor-free (YOLOv8): x [batch, 4, cells] distances to left, top, right, bottom in cells; y the same shape, corners
// or centre and size in pixels. grid: x and y of the cells' centres in cells, and pixels per cell, `cells` floats each.
extern "C" __global__ void __launch_bounds__(256)
    dist2bbox(const T* x, T* y, const float* __restrict__ grid, int cells, int count, int centre_size) {
    int i = blockIdx.x * 256 + threadIdx.x;
    if (i >= count) return;
    int cell = i % cells;
    size_t start = (size_t)(i / cells) * 4 * cells + cell;
    float stride = __ldg(grid + 2 * cells + cell);
    for (int d = 0; d < 2; d++) {
        float centre = __ldg(grid + d * cells + cell);
        float first = centre - to_float(x[start + (size_t)d * cells]);
        float last = centre + to_float(x[start + (size_t)(d + 2) * cells]);
        y[start + (size_t)d * cells] = from_float((centre_size ? (first + last) / 2.0f : first) * stride);
        y[start + (size_t)(d + 2) * cells] = from_float((centre_size ? last - first : last) * stride);
    }
}
