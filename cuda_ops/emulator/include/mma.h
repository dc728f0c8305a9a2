// nvcuda::wmma for g++: tiles of matrices spread over the lanes of a warp ("fragments"), their loads, stores and product.
//
// A lane holds the elements that follow each other in memory, lane 0 the first. Which lane holds what is not told on a
// GPU either, so that no kernel may depend on it. Fragments start as NaN. Products are summed one by one in float; a GPU
// sums several at once and truncates: the two differ by roundings. Loads and stores order no other access, as there.
#pragma once
#include "half.h"
#include "sync.h"

namespace nvcuda {
namespace wmma {

struct row_major;
struct col_major;
struct matrix_a;
struct matrix_b;
struct accumulator;
enum layout_t { mem_row_major, mem_col_major };
namespace precision {
struct tf32;
}

template <class Type> struct Stored {
    using type = Type;
};
template <> struct Stored<precision::tf32> {
    using type = float;
};

template <class Use, int M, int N, int K> struct Size {
    static constexpr int rows = M, columns = N;
};
template <int M, int N, int K> struct Size<matrix_a, M, N, K> {
    static constexpr int rows = M, columns = K;
};
template <int M, int N, int K> struct Size<matrix_b, M, N, K> {
    static constexpr int rows = K, columns = N;
};

template <class Use, int M, int N, int K, class Type, class Layout = row_major> struct fragment {
    static_assert((M == 16 && N == 16) || (M == 32 && N == 8) || (M == 8 && N == 32), "not a size of tensor cores");
    static_assert(std::is_same<Type, precision::tf32>::value ? M == 16 && K == 8 : K == 16 || K == 8, "nor this depth");
    using element_type = typename Stored<Type>::type;
    static constexpr int rows = Size<Use, M, N, K>::rows, columns = Size<Use, M, N, K>::columns;
    static constexpr int num_elements = rows * columns / 32;
    static constexpr bool by_rows = std::is_same<Layout, row_major>::value;
    element_type x[num_elements];

    fragment() { memset(x, 0xff, sizeof x); }
};

// cvt.rna.tf32: 10 bits of mantissa, ties away from zero
static inline float __float_to_tf32(float v) {
    return v != v ? v : __int_as_float((__float_as_int(v) + 0x1000) & ~0x1fff);
}
template <class Type> static inline float multiplied(float v) { return v; }
// the hardware looks at these bits alone, rounded by the kernel or not
template <> inline float multiplied<precision::tf32>(float v) { return __int_as_float(__float_as_int(v) & ~0x1fff); }

template <class F, class V> static inline void fill_fragment(F& f, V value) {
    for (auto& x : f.x) x = value;
}

static inline void need_aligned(int line, const void* p, unsigned stride_bytes) {
    if ((uintptr_t)p % 32 || stride_bytes % 16)
        emu_refuse(line, "misaligned: a matrix must start at a multiple of 32 bytes, its rows at multiples of 16");
}

// Moves each lane's elements; `move(element, position)`, the tile lying in memory by rows or by columns.
template <class F, class Move> static inline void each_element(F& f, bool by_rows, bool in_memory_by_rows, Move move) {
    for (int e = 0; e < F::num_elements; e++) {
        int n = (emu_self.linear & 31) * F::num_elements + e;
        int row = by_rows ? n / F::columns : n % F::rows, column = by_rows ? n % F::columns : n / F::rows;
        move(f.x[e], in_memory_by_rows ? row : column, in_memory_by_rows ? column : row);
    }
}

template <class F, class P> static inline void emu_load_matrix(int line, F& f, const P* p, unsigned stride) {
    need_aligned(line, p, stride * sizeof(P));
    emu_warp(~0u, 0, 0, EMU_MATRIX, line);
    each_element(f, F::by_rows, F::by_rows, [&](auto& x, int slow, int fast) { x = p[(size_t)slow * stride + fast]; });
}

template <class F, class P>
static inline void emu_load_matrix(int line, F& f, const P* p, unsigned stride, layout_t layout) {
    need_aligned(line, p, stride * sizeof(P));
    emu_warp(~0u, 0, 0, EMU_MATRIX, line);
    auto load = [&](auto& x, int slow, int fast) { x = p[(size_t)slow * stride + fast]; };
    each_element(f, true, layout == mem_row_major, load);
}

template <class F, class P>
static inline void emu_store_matrix(int line, P* p, const F& f, unsigned stride, layout_t layout) {
    need_aligned(line, p, stride * sizeof(P));
    emu_warp(~0u, 0, 0, EMU_MATRIX, line);
    auto store = [&](auto& x, int slow, int fast) { p[(size_t)slow * stride + fast] = x; };
    each_element(f, true, layout == mem_row_major, store);
}

// What a lane brings to a product; the last lane to come multiplies for all.
template <int M, int N, int K, bool A_BY_ROWS, bool B_BY_ROWS> struct Product : EmuTogether {
    float a[M * K / 32], b[K * N / 32], c[M * N / 32];

    __attribute__((no_sanitize("thread", "bounds", "alignment"), noinline)) static void
    multiply(EmuTogether* const* lanes) {
        float a[M][K], b[K][N], c[M][N];
        auto lane = [&](int i) { return static_cast<Product*>(lanes[i]); };
        for (int n = 0; n < M * K; n++)
            (A_BY_ROWS ? a[n / K][n % K] : a[n % M][n / M]) = lane(n / (M * K / 32))->a[n % (M * K / 32)];
        for (int n = 0; n < K * N; n++)
            (B_BY_ROWS ? b[n / N][n % N] : b[n % K][n / K]) = lane(n / (K * N / 32))->b[n % (K * N / 32)];
        for (int n = 0; n < M * N; n++) c[n / N][n % N] = lane(n / (M * N / 32))->c[n % (M * N / 32)];
        for (int i = 0; i < M; i++)
            for (int k = 0; k < K; k++)
                for (int j = 0; j < N; j++) c[i][j] += a[i][k] * b[k][j];
        for (int n = 0; n < M * N; n++) lane(n / (M * N / 32))->c[n % (M * N / 32)] = c[n / N][n % N];
    }
};

template <int M, int N, int K, class Type, class A_LAYOUT, class B_LAYOUT, class Sum>
static inline void
emu_multiply(int line, fragment<accumulator, M, N, K, Sum>& d, const fragment<matrix_a, M, N, K, Type, A_LAYOUT>& a,
             const fragment<matrix_b, M, N, K, Type, B_LAYOUT>& b, const fragment<accumulator, M, N, K, Sum>& c) {
    Product<M, N, K, a.by_rows, b.by_rows> mine;
    mine.run = mine.multiply;
    for (int e = 0; e < a.num_elements; e++) mine.a[e] = multiplied<Type>(a.x[e]);
    for (int e = 0; e < b.num_elements; e++) mine.b[e] = multiplied<Type>(b.x[e]);
    for (int e = 0; e < c.num_elements; e++) mine.c[e] = c.x[e];
    emu_warp(~0u, (uint64_t)(EmuTogether*)&mine, 0, EMU_MATRIX, line);
    for (int e = 0; e < d.num_elements; e++) d.x[e] = mine.c[e];
}

} // namespace wmma
} // namespace nvcuda

#define load_matrix_sync(...) emu_load_matrix(__LINE__, __VA_ARGS__)
#define store_matrix_sync(...) emu_store_matrix(__LINE__, __VA_ARGS__)
#define mma_sync(...) emu_multiply(__LINE__, __VA_ARGS__)
