// matmul and dense: y = act(scale * a b + bias [+ r]) [+ r], batched, either operand transposed, by strides.
//
// One kernel body (gemm_tile.cuh) and four ways to read memory: each operand is read along whichever of its two indices
// runs fastest, so that neighbouring threads always read neighbouring addresses. Batches have two indices (say picture
// and head) with a stride each, so that attention reads q, k and v where the projection wrote them; a stride of 0
// broadcasts. With few rows (a classifier's head for one picture) a tile would be mostly empty: see matvec.
#include "gemm_tile.cuh"

// An operand's matrix, [k][c] by strides, one of which is 1.
template <bool FAST> struct Matrix {
    static constexpr bool K_FAST = FAST;
    const T* p;                 // at the tile's first column
    int depth, columns, stride; // columns: those left from the tile's corner on; stride: of the slow index
    bool vectors;               // rows (columns) start at multiples of four elements

    __device__ __forceinline__ void fetch(int k, int c, float* out) const {
        int slow = FAST ? c : k, fast = FAST ? k : c, slow_end = FAST ? columns : depth, end = FAST ? depth : columns;
        const T* at = p + (size_t)slow * stride + fast;
        if (vectors && slow < slow_end && fast + 3 < end)
            load4(at, out);
        else
#pragma unroll
            for (int i = 0; i < 4; i++) out[i] = slow < slow_end && fast + i < end ? to_float(at[i]) : 0.0f;
    }
};

struct Shape {
    int rows, columns, depth, inner; // inner: size of the second batch index
};
struct Strides {
    int row, outer, inner; // elements from one row (of the slow index), outer batch, inner batch to the next
};

__device__ __forceinline__ size_t batch_start(const Strides& s, int inner) {
    return (size_t)(blockIdx.z / inner) * s.outer + (size_t)(blockIdx.z % inner) * s.inner;
}

template <bool A_FAST, bool B_FAST>
__device__ __forceinline__ void product(const T* a, const T* b, const float* bias, const T* residual, T* y, Shape shape,
                                        Strides sa, Strides sb, Strides sy, int act, int add, float scale, float alpha,
                                        float beta) {
    int first_m = blockIdx.y * TILE_M, first_n = blockIdx.x * TILE_N;
    a += batch_start(sa, shape.inner) + (size_t)first_m * (A_FAST ? sa.row : 1);
    b += batch_start(sb, shape.inner) + (size_t)first_n * (B_FAST ? sb.row : 1);
    bool vectors_a = (size_t)a % (4 * sizeof(T)) == 0 && sa.row % 4 == 0;
    bool vectors_b = (size_t)b % (4 * sizeof(T)) == 0 && sb.row % 4 == 0;
    Matrix<A_FAST> rows = {a, shape.depth, shape.rows - first_m, sa.row, vectors_a};
    Matrix<B_FAST> columns = {b, shape.depth, shape.columns - first_n, sb.row, vectors_b};
    float sum[THREAD_M][THREAD_N] = {};
    multiply(rows, columns, shape.depth, sum);

    size_t start = batch_start(sy, shape.inner);
#pragma unroll
    for (int i = 0; i < THREAD_M; i++) {
        int m = first_m + tile_row(i);
        if (m >= shape.rows) continue;
#pragma unroll
        for (int j = 0; j < THREAD_N; j++) {
            int n = first_n + tile_column(j);
            if (n >= shape.columns) continue;
            size_t at = start + (size_t)m * sy.row + n;
            float v = scale * sum[i][j] + (bias ? bias[n] : 0.0f);
            if (add == 1) v += to_float(residual[at]);
            v = activate(act, v, alpha, beta);
            if (add == 2) v += to_float(residual[at]);
            y[at] = from_float(v);
        }
    }
}

#define ARGUMENTS                                                                                                     \
    const T *__restrict__ a, const T *__restrict__ b, const float *__restrict__ bias, const T *__restrict__ residual, \
        T *__restrict__ y, int rows, int columns, int depth, int inner, int a_row, int a_outer, int a_inner,          \
        int b_row, int b_outer, int b_inner, int y_row, int y_outer, int y_inner, int act, int add, float scale,      \
        float alpha, float beta
#define PRODUCT(a_fast, b_fast)                                                                                \
    product<a_fast, b_fast>(a, b, bias, residual, y, {rows, columns, depth, inner}, {a_row, a_outer, a_inner}, \
                            {b_row, b_outer, b_inner}, {y_row, y_outer, y_inner}, act, add, scale, alpha, beta)

// Named by how a [rows][depth] and b [depth][columns] are stored: n as written, t transposed. The residual lies as y
// does. grid: columns / TILE_N, rows / TILE_M, batches.
extern "C" __global__ void __launch_bounds__(THREADS) matmul_nn(ARGUMENTS) { PRODUCT(true, false); }
extern "C" __global__ void __launch_bounds__(THREADS) matmul_nt(ARGUMENTS) { PRODUCT(true, true); }
extern "C" __global__ void __launch_bounds__(THREADS) matmul_tn(ARGUMENTS) { PRODUCT(false, false); }
extern "C" __global__ void __launch_bounds__(THREADS) matmul_tt(ARGUMENTS) { PRODUCT(false, true); }

// matmul_nt for few rows: a warp per output, its lanes along depth. grid: columns / 8, rows, batches.
extern "C" __global__ void __launch_bounds__(256) matvec(ARGUMENTS) {
    int n = blockIdx.x * 8 + threadIdx.x / 32, m = blockIdx.y, lane = threadIdx.x % 32;
    if (n >= columns) return;
    const T* row = a + batch_start({a_row, a_outer, a_inner}, inner) + (size_t)m * a_row;
    const T* column = b + batch_start({b_row, b_outer, b_inner}, inner) + (size_t)n * b_row;
    float sum = 0.0f;
    for (int k = lane; k < depth; k += 32) sum += to_float(row[k]) * to_float(column[k]);
    sum = scale * reduce_warp<Sum>(sum) + (bias ? bias[n] : 0.0f);
    if (lane) return;
    size_t at = batch_start({y_row, y_outer, y_inner}, inner) + (size_t)m * y_row + n;
    if (add == 1) sum += to_float(residual[at]);
    sum = activate(act, sum, alpha, beta);
    y[at] = from_float(add == 2 ? sum + to_float(residual[at]) : sum);
}
