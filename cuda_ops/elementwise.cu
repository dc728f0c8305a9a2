// Chains of elementwise operations over up to three inputs that broadcast: one pass over memory for the whole chain.
//
// The chain is data, not code, so nothing is compiled per model: `plan` holds one step after another, {operation,
// operand, alpha, beta} as four words (floats by their bits), then the output's shape and each input's strides (0 where
// it broadcasts). All threads take the same branches, and memory, not arithmetic, is what such kernels wait for.
//
// The value starts as input a. A step is an activation (0 ... 16, see common.cuh), a function (32 ...) or an operation
// with an operand (64 ...): 1 is input b, 2 input c, 3 the number alpha.
#include "common.cuh"

constexpr int RANK = 4, STEP = 4;

__device__ __forceinline__ float apply_function(int op, float x, float alpha, float beta) {
    switch (op) {
    case 32:
        return fabsf(x);
    case 33:
        return -x;
    case 34:
        return expf(x);
    case 35:
        return logf(x);
    case 36:
        return sqrtf(x);
    case 37:
        return 1.0f / sqrtf(x);
    case 38:
        return 1.0f / x;
    case 39:
        return x * x;
    case 40:
        return sinf(x);
    case 41:
        return cosf(x);
    case 42:
        return tanf(x);
    case 43:
        return sinhf(x);
    case 44:
        return coshf(x);
    case 45:
        return asinf(x);
    case 46:
        return acosf(x);
    case 47:
        return atanf(x);
    case 48:
        return asinhf(x);
    case 49:
        return acoshf(x);
    case 50:
        return atanhf(x);
    case 51:
        return erff(x);
    case 52:
        return floorf(x);
    case 53:
        return ceilf(x);
    case 54:
        return rintf(x); // to even, as NumPy and PyTorch round
    case 55:
        return x > 0.0f ? 1.0f : x < 0.0f ? -1.0f : x; // sign
    case 56:
        return x > alpha ? (beta != 0.0f ? beta : x) : 0.0f; // threshold
    default:
        return fabsf(x) == infinity() ? alpha : x; // 57, replace_inf
    }
}

__device__ __forceinline__ float apply_operation(int op, float x, float v) {
    switch (op) {
    case 64:
        return x + v;
    case 65:
        return x - v;
    case 66:
        return v - x;
    case 67:
        return x * v;
    case 68:
        return x / v;
    case 69:
        return v / x;
    case 70:
        return Max::combine(x, v);
    case 71:
        return Min::combine(x, v);
    case 72:
        return powf(x, v);
    case 73:
        return x - floorf(x / v) * v; // remainder with the divisor's sign, as Python's %
    case 74:
        return x > v ? 1.0f : 0.0f;
    case 75:
        return x < v ? 1.0f : 0.0f;
    case 76:
        return x == v ? 1.0f : 0.0f;
    default:
        return fmodf(x, v); // 77: the remainder with the dividend's sign, as C's
    }
}

__device__ __forceinline__ float run_chain(const int* plan, int steps, float x, float b, float c) {
    for (int i = 0; i < steps; i++) {
        const int* step = plan + i * STEP;
        int op = __ldg(step), operand = __ldg(step + 1);
        float alpha = __int_as_float(__ldg(step + 2)), beta = __int_as_float(__ldg(step + 3));
        if (op >= 64)
            x = apply_operation(op, x, operand == 1 ? b : operand == 2 ? c : alpha);
        else if (op >= 32)
            x = apply_function(op, x, alpha, beta);
        else
            x = activate(op, x, alpha, beta);
    }
    return x;
}

// Any shapes that broadcast, of up to four dimensions. A thread per element.
extern "C" __global__ void __launch_bounds__(256)
    elementwise(const T* a, const T* b, const T* c, T* y, const int* __restrict__ plan, int steps, int count) {
    int i = blockIdx.x * 256 + threadIdx.x;
    if (i >= count) return;
    const int *shape = plan + steps * STEP, *strides = shape + RANK;
    int at[3] = {0, 0, 0};
    for (int d = RANK - 1, rest = i; d >= 0; d--) {
        int size = __ldg(shape + d), index = rest % size;
        rest /= size;
        for (int k = 0; k < 3; k++) at[k] += index * __ldg(strides + k * RANK + d);
    }
    float second = b ? to_float(b[at[1]]) : 0.0f, third = c ? to_float(c[at[2]]) : 0.0f;
    y[i] = from_float(run_chain(plan, steps, to_float(a[at[0]]), second, third));
}

// All inputs of the output's shape, without gaps, and a multiple of four elements. A thread per four.
extern "C" __global__ void __launch_bounds__(256)
    elementwise_flat(const T* a, const T* b, const T* c, T* y, const int* __restrict__ plan, int steps, int count) {
    int i = (blockIdx.x * 256 + threadIdx.x) * 4;
    if (i >= count) return;
    float x[4], second[4] = {}, third[4] = {};
    load4(a + i, x);
    if (b) load4(b + i, second);
    if (c) load4(c + i, third);
#pragma unroll
    for (int k = 0; k < 4; k++) x[k] = run_chain(plan, steps, x[k], second[k], third[k]);
    store4(y + i, x);
}
