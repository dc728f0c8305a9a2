// Normalisations: (x - mean) / sqrt(variance + eps) * gamma + beta, then an activation. They differ in what mean and
// variance are taken over.
//
// Layer, group and instance norm all normalise stretches of memory (rows), in norm_rows; layer norm over the channels
// of NCHW normalises strided columns, in norm_columns; batch norm, when it could not be folded into a convolution, has
// its statistics given: affine. The variance is that of the differences from the mean (two passes), not E[x^2] -
// mean^2, which cancels. gamma and beta may be null.
#include "common.cuh"

struct Output {
    const float *gamma, *beta;
    int act;
    float act_alpha, act_beta;

    __device__ __forceinline__ T operator()(float normal, int i) const {
        if (gamma) normal *= gamma[i];
        if (beta) normal += beta[i];
        return from_float(activate(act, normal, act_alpha, act_beta));
    }
};

// A block per row of `length` elements. Element i of row r takes gamma[r % groups * channels + i / inner]: layer norm
// has one group and inner 1, group norm inner = height * width and channels of a group, instance norm one channel a
// group.
extern "C" __global__ void __launch_bounds__(256)
    norm_rows(const T* x, const float* gamma, const float* beta, T* y, int length, int groups, int channels, int inner,
              float eps, int act, float act_alpha, float act_beta) {
    size_t start = (size_t)blockIdx.x * length;
    float sum = 0.0f, squares = 0.0f;
    for (int i = threadIdx.x; i < length; i += blockDim.x) sum += to_float(x[start + i]);
    float mean = reduce_block<Sum>(sum) / length;
    for (int i = threadIdx.x; i < length; i += blockDim.x) {
        float d = to_float(x[start + i]) - mean;
        squares += d * d;
    }
    float scale = 1.0f / sqrtf(reduce_block<Sum>(squares) / length + eps);
    Output output = {gamma, beta, act, act_alpha, act_beta};
    int first = blockIdx.x % groups * channels;
    for (int i = threadIdx.x; i < length; i += blockDim.x)
        y[start + i] = output((to_float(x[start + i]) - mean) * scale, first + i / inner);
}

// Over n of [outer, n, inner], inner > 1: a thread per column.
extern "C" __global__ void __launch_bounds__(256)
    norm_columns(const T* x, const float* gamma, const float* beta, T* y, int n, int inner, int columns, float eps,
                 int act, float act_alpha, float act_beta) {
    int column = blockIdx.x * 256 + threadIdx.x;
    if (column >= columns) return;
    size_t start = (size_t)(column / inner) * n * inner + column % inner;
    float sum = 0.0f, squares = 0.0f;
    for (int i = 0; i < n; i++) sum += to_float(x[start + (size_t)i * inner]);
    float mean = sum / n;
    for (int i = 0; i < n; i++) {
        float d = to_float(x[start + (size_t)i * inner]) - mean;
        squares += d * d;
    }
    float scale = 1.0f / sqrtf(squares / n + eps);
    Output output = {gamma, beta, act, act_alpha, act_beta};
    for (int i = 0; i < n; i++) {
        size_t at = start + (size_t)i * inner;
        y[at] = output((to_float(x[at]) - mean) * scale, i);
    }
}

// y = act(x * gamma[channel] + beta[channel]) on [batch, channels, inner].
extern "C" __global__ void __launch_bounds__(256)
    affine(const T* x, const float* gamma, const float* beta, T* y, int channels, int inner, int count, int act,
           float act_alpha, float act_beta) {
    int i = blockIdx.x * 256 + threadIdx.x;
    if (i >= count) return;
    Output output = {gamma, beta, act, act_alpha, act_beta};
    y[i] = output(to_float(x[i]), i / inner % channels);
}
