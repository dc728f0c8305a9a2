// A 3 x 3 convolution of stride 1 by Winograd's minimal filtering F(4 x 4, 3 x 3) (Lavin & Gray, arXiv:1509.09308):
// 36 products give 16 outputs, where the plain sum takes 144.
//
//     y = A^T [ sum over channels of (G w G^T) * (B^T x B) ] A
//
// The kernel arrives as G w G^T, packed by cpu_ops/winograd.py. All tensors are NHWC float32, so that a vector is
// consecutive channels of one pixel.
//
// Accuracy decides the rest. The usual interpolation points 0, 1, -1, 2, -2 lose two to three times more than
// 0, 3/4, -3/4, 3/2, -3/2 do, and sums over channels are taken in blocks, as PyTorch takes them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#ifdef __AVX512F__
#include <immintrin.h>
#endif

namespace winograd {

// LANES of a vector; ROWS tiles by COLUMNS vectors of outputs are what the registers hold of a product.
#if defined(__AVX512F__)
constexpr int LANES = 16, ROWS = 14;
#elif defined(__AVX__)
constexpr int LANES = 8, ROWS = 6;
#else
constexpr int LANES = 4, ROWS = 6;
#endif
constexpr int COLUMNS = 2;
constexpr int OUT = 4, IN = 6, PRODUCTS = IN * IN;  // a tile's outputs and inputs along a side
constexpr int BLOCK = 32;                           // channels summed up before they join the rest
constexpr size_t SCRATCH = 500000;                  // bytes of a block of tiles, to stay in the second cache

typedef float vec __attribute__((vector_size(LANES * 4)));
typedef int32_t ivec __attribute__((vector_size(LANES * 4)));

enum class Act : int64_t { none, relu, silu };

struct Convolution {
    int batch, height, width, channels, out_height, out_width, out_channels;
    int top, left, dilation;
    Act act;
    int tile_rows, tile_columns;  // of each of the dilation x dilation interleaved pictures
};

inline vec load(const float* p) {
    vec v;
    std::memcpy(&v, p, sizeof v);
    return v;
}
inline void store(float* p, vec v) { std::memcpy(p, &v, sizeof v); }

// The first `lanes` only; a picture's last channels need not fill a vector.
inline vec load(const float* p, int lanes) {
    if (lanes >= LANES) return load(p);
#ifdef __AVX512F__
    return _mm512_maskz_loadu_ps((1u << lanes) - 1, p);
#else
    vec v{};
    std::memcpy(&v, p, lanes * sizeof(float));
    return v;
#endif
}
inline void store(float* p, vec v, int lanes) {
    if (lanes >= LANES) return store(p, v);
#ifdef __AVX512F__
    _mm512_mask_storeu_ps(p, (1u << lanes) - 1, v);
#else
    std::memcpy(p, &v, lanes * sizeof(float));
#endif
}

// e^x in float32, for |x| <= 87: 2^n times the polynomial of Cephes' expf.
inline vec exponential(vec x) {
    const float rounder = 12582912.f;  // 1.5 * 2^23: adding it rounds to a whole number, held in the lowest bits
    vec n = x * 1.44269504088896341f + rounder;
    ivec bits;
    std::memcpy(&bits, &n, sizeof n);
    n = n - rounder;
    vec r = x - n * 0.693359375f + n * 2.12194440e-4f;  // ln 2 in two parts
    vec p = r * 1.9875691500e-4f + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * (r * r) + r + 1.f;
    bits = (bits + 127) << 23;
    std::memcpy(&n, &bits, sizeof n);
    return p * n;
}

inline vec activate(vec x, Act act) {
    if (act == Act::relu) return x < 0 ? vec{} : x;  // NaN stays NaN
    if (act == Act::none) return x;
    vec y = -x;
    y = y > 87.f ? vec{} + 87.f : y;
    y = y < -87.f ? vec{} - 87.f : y;
    return x / (1.f + exponential(y));
}

constexpr float P = 0.75f, Q = 1.5f, PP = P * P, QQ = Q * Q;

// B^T, along one side. The points come in pairs of opposite sign, whose rows share their even and odd parts.
inline void transform_input(const vec* x, int step, vec* y, int stride) {
    const vec x0 = x[0], x1 = x[step], x2 = x[2 * step], x3 = x[3 * step], x4 = x[4 * step], x5 = x[5 * step];
    y[0] = x4 - (PP + QQ) * x2 + (PP * QQ) * x0;
    vec even = x4 - QQ * x2, odd = x3 - QQ * x1;
    y[stride] = even + P * odd;
    y[2 * stride] = even - P * odd;
    even = x4 - PP * x2, odd = x3 - PP * x1;
    y[3 * stride] = even + Q * odd;
    y[4 * stride] = even - Q * odd;
    y[5 * stride] = x5 - (PP + QQ) * x3 + (PP * QQ) * x1;
}

// A^T, along one side.
inline void transform_output(const vec* m, int step, vec* y, int stride) {
    const vec p_sum = m[step] + m[2 * step], p_difference = m[step] - m[2 * step];
    const vec q_sum = m[3 * step] + m[4 * step], q_difference = m[3 * step] - m[4 * step];
    y[0] = m[0] + p_sum + q_sum;
    y[stride] = P * p_difference + Q * q_difference;
    y[2 * stride] = PP * p_sum + QQ * q_sum;
    y[3 * stride] = m[5 * step] + (PP * P) * p_difference + (QQ * Q) * q_difference;
}

// m[rows, columns] = or += a[rows, channels] @ u[channels, columns], all of it in registers.
template <int rows, int columns>
inline void multiply(const float* a, size_t a_row, const float* u, float* m, size_t m_row, int channels, bool add) {
    vec sum[rows][columns] = {};
    for (int c = 0; c < channels; c++) {
        vec factor[columns];
        for (int k = 0; k < columns; k++) factor[k] = load(u + (c * columns + k) * LANES);
#pragma GCC unroll 16
        for (int r = 0; r < rows; r++) {
            const vec x = vec{} + a[r * a_row + c];
            for (int k = 0; k < columns; k++) sum[r][k] += x * factor[k];
        }
    }
    for (int r = 0; r < rows; r++)
        for (int k = 0; k < columns; k++) {
            float* to = m + r * m_row + k * LANES;
            store(to, add ? sum[r][k] + load(to) : sum[r][k]);
        }
}

template <int columns, int rows = ROWS>
inline void multiply_rows(const float* a, size_t a_row, const float* u, float* m, size_t m_row, int count, int channels,
                          bool add) {
    for (; count >= rows; count -= rows, a += rows * a_row, m += rows * m_row)
        multiply<rows, columns>(a, a_row, u, m, m_row, channels, add);
    if constexpr (rows > 1)
        if (count) multiply_rows<columns, rows - 1>(a, a_row, u, m, m_row, count, channels, add);
}

struct Scratch {
    float* data = nullptr;
    size_t floats = 0;
    ~Scratch() { std::free(data); }
    float* get(size_t wanted) {
        if (wanted > floats) {
            std::free(data);
            floats = (wanted + 15) / 16 * 16;
            data = static_cast<float*>(std::aligned_alloc(64, floats * sizeof(float)));
        }
        return data;
    }
};

inline int divide_up(int a, int b) { return (a + b - 1) / b; }

inline size_t row_of(int channels) { return divide_up(channels, LANES) * LANES + LANES; }  // no power of two

// How many tiles there are, and how many of them are taken at a time.
inline int tile_count(const Convolution& s) {
    return s.batch * s.dilation * s.dilation * s.tile_rows * s.tile_columns;
}
inline int tiles_at_once(const Convolution& s) {
    const size_t each = PRODUCTS * sizeof(float) * (row_of(s.channels) + COLUMNS * LANES);
    return std::clamp<int>(SCRATCH / each / ROWS * ROWS, ROWS, 4 * ROWS);
}

// A tile's picture in the batch, and the place of its first output.
struct Place {
    int picture, y, x;
    Place(const Convolution& s, int tile) {
        const int column = tile % s.tile_columns, row = (tile /= s.tile_columns) % s.tile_rows;
        const int phase_x = (tile /= s.tile_rows) % s.dilation, phase_y = (tile /= s.dilation) % s.dilation;
        picture = tile / s.dilation;
        y = phase_y + s.dilation * OUT * row;
        x = phase_x + s.dilation * OUT * column;
    }
};

// v[36, tile, channels] = B^T x B of one tile. Outside of the picture there are zeros.
inline void input_tile(const Convolution& s, const float* x, Place place, float* v, size_t product_step) {
    const int y0 = place.y - s.top, x0 = place.x - s.left, d = s.dilation;
    const ptrdiff_t dx = ptrdiff_t(d) * s.channels, dy = dx * s.width;
    const float* first = x + ((ptrdiff_t(place.picture) * s.height + y0) * s.width + x0) * s.channels;
    bool row_inside[IN], column_inside[IN];
    for (int i = 0; i < IN; i++) {
        row_inside[i] = y0 + i * d >= 0 && y0 + i * d < s.height;
        column_inside[i] = x0 + i * d >= 0 && x0 + i * d < s.width;
    }
    const bool inside = row_inside[0] && row_inside[IN - 1] && column_inside[0] && column_inside[IN - 1];
    for (int c = 0; c < s.channels; c += LANES) {
        const int lanes = s.channels - c;
        vec in[PRODUCTS], half[PRODUCTS];
        for (int i = 0; i < IN; i++)
            for (int j = 0; j < IN; j++)
                in[i * IN + j] =
                    inside || (row_inside[i] && column_inside[j]) ? load(first + i * dy + j * dx + c, lanes) : vec{};
#pragma GCC unroll 6
        for (int j = 0; j < IN; j++) transform_input(in + j, IN, half + j, IN);
#pragma GCC unroll 6
        for (int i = 0; i < IN; i++) {
            vec out[IN];
            transform_input(half + i * IN, 1, out, 1);
            for (int j = 0; j < IN; j++) store(v + (i * IN + j) * product_step + c, out[j]);
        }
    }
}

// y = act(A^T m A + bias) for one vector of output channels of one tile.
inline void output_tile(const Convolution& s, const float* m, size_t product_step, vec bias, Place place, int k,
                        float* y) {
    vec in[PRODUCTS], half[OUT * IN], out[OUT * OUT];
    for (int i = 0; i < PRODUCTS; i++) in[i] = load(m + i * product_step);
#pragma GCC unroll 6
    for (int j = 0; j < IN; j++) transform_output(in + j, IN, half + j, IN);
#pragma GCC unroll 4
    for (int i = 0; i < OUT; i++) transform_output(half + i * IN, 1, out + i * OUT, 1);
    for (int i = 0; i < OUT; i++)
        for (int j = 0; j < OUT; j++) {
            const int row = place.y + i * s.dilation, column = place.x + j * s.dilation;
            if (row >= s.out_height || column >= s.out_width) continue;
            const size_t pixel = (size_t(place.picture) * s.out_height + row) * s.out_width + column;
            store(y + pixel * s.out_channels + k, activate(out[i * OUT + j] + bias, s.act), s.out_channels - k);
        }
}

// The tiles from `begin` to `end`, by one thread. u: per COLUMNS vectors of output channels [36, channels, their lanes].
inline void convolve(const Convolution& s, const float* x, const float* u, const float* bias, float* y, int begin,
                     int end) {
    thread_local Scratch scratch;
    const int count = end - begin, panel = COLUMNS * LANES;
    const size_t row = row_of(s.channels), v_step = count * row, m_step = count * panel;
    float* v = scratch.get(PRODUCTS * (v_step + m_step));
    float* m = v + PRODUCTS * v_step;
    for (int t = 0; t < count; t++) input_tile(s, x, Place(s, begin + t), v + t * row, v_step);
    for (int k = 0; k < s.out_channels; k += panel) {
        const int columns = std::min(COLUMNS, divide_up(s.out_channels - k, LANES));
        for (int i = 0; i < PRODUCTS; i++) {
            for (int c = 0; c < s.channels; c += BLOCK) {
                const int n = std::min(BLOCK, s.channels - c);
                const float* factor = u + (size_t(k) * PRODUCTS + (size_t(i) * columns) * LANES) * s.channels + c * columns * LANES;
                const auto run = columns == 2 ? multiply_rows<2> : multiply_rows<1>;
                run(v + i * v_step + c, row, factor, m + i * m_step, panel, count, n, c > 0);
            }
        }
        for (int t = 0; t < count; t++)
            for (int j = 0; j < columns; j++)
                output_tile(s, m + t * panel + j * LANES, m_step, load(bias + k + j * LANES), Place(s, begin + t),
                            k + j * LANES, y);
    }
}

}  // namespace winograd
