// A picture made ready for a network: channels reversed (BGR to RGB), (x - mean) / std, padding, NCHW; from bytes or
// floats, channels last or first. A thread per output pixel of all channels: channels-last input is read as it lies.
#include "common.cuh"

__device__ __forceinline__ float value_of(unsigned char v) { return (float)v; }
#if STORAGE_TYPE != 4
__device__ __forceinline__ float value_of(T v) { return to_float(v); }
#endif

// constants: mean, std and what padding holds, `channels` floats each, in the output's order.
template <class In>
__device__ __forceinline__ void prepare(const In* x, T* y, const float* constants, int count, int channels, int height,
                                        int width, int top, int left, int out_h, int out_w, int channels_last,
                                        int reverse) {
    int i = blockIdx.x * 256 + threadIdx.x;
    if (i >= count) return;
    int pixels = out_h * out_w, picture = i / pixels, pixel = i % pixels;
    int h = pixel / out_w - top, w = pixel % out_w - left;
    bool inside = (unsigned)h < (unsigned)height && (unsigned)w < (unsigned)width;
    for (int c = 0; c < channels; c++) {
        float v = __ldg(constants + 2 * channels + c);
        if (inside) {
            int from = reverse ? channels - 1 - c : c;
            size_t at = channels_last ? (((size_t)picture * height + h) * width + w) * channels + from
                                      : (((size_t)picture * channels + from) * height + h) * width + w;
            v = (value_of(x[at]) - __ldg(constants + c)) / __ldg(constants + channels + c);
        }
        y[((size_t)picture * channels + c) * pixels + pixel] = from_float(v);
    }
}

#define ARGUMENTS                                                                                                 \
    T *y, const float *__restrict__ constants, int count, int channels, int height, int width, int top, int left, \
        int out_h, int out_w, int channels_last, int reverse
#define VALUES y, constants, count, channels, height, width, top, left, out_h, out_w, channels_last, reverse

extern "C" __global__ void __launch_bounds__(256) preproc_u8(const unsigned char* x, ARGUMENTS) { prepare(x, VALUES); }
extern "C" __global__ void __launch_bounds__(256) preproc_stored(const T* x, ARGUMENTS) { prepare(x, VALUES); }
