// __half, __half2 and __nv_bfloat16: 16-bit storage, each operation computed in float and rounded to nearest even.
#pragma once
#include "language.h"
#include "vectors.h"
#include <cmath>
#include <cstdint>
#include <cstring>

struct __half {
    _Float16 v;
    __half() = default;
    __half(float f) : v((_Float16)f) {}
    __half(double d) : v((_Float16)d) {}
    __half(int i) : v((_Float16)i) {}
    operator float() const { return (float)v; }
};
struct __align__(4) __half2 {
    __half x, y;
};
typedef __half half;
typedef __half2 half2;

static inline float __half2float(__half h) { return (float)h.v; }
static inline __half __float2half(float f) { return __half(f); }
static inline __half __float2half_rn(float f) { return __half(f); }

#define EMU_HALF_OPERATOR(op, name)                                                                   \
    static inline __half operator op(__half a, __half b) { return __half((float)a.v op(float) b.v); } \
    static inline __half name(__half a, __half b) { return a op b; }                                  \
    static inline __half2 operator op(__half2 a, __half2 b) { return {a.x op b.x, a.y op b.y}; }      \
    static inline __half2 name##2(__half2 a, __half2 b) { return a op b; }
EMU_HALF_OPERATOR(+, __hadd)
EMU_HALF_OPERATOR(-, __hsub)
EMU_HALF_OPERATOR(*, __hmul)
EMU_HALF_OPERATOR(/, __hdiv)

// a product of two halves is exact in double, so one rounding is left, as in the hardware's fused operation
static inline __half __hfma(__half a, __half b, __half c) { return __half((double)a.v * (double)b.v + (double)c.v); }
static inline __half2 __hfma2(__half2 a, __half2 b, __half2 c) {
    return {__hfma(a.x, b.x, c.x), __hfma(a.y, b.y, c.y)};
}
static inline __half __hmax(__half a, __half b) { return __half(fmaxf(a, b)); }
static inline float2 __half22float2(__half2 h) { return {(float)h.x, (float)h.y}; }
static inline __half2 __floats2half2_rn(float a, float b) { return {__half(a), __half(b)}; }
static inline __half2 __float22half2_rn(float2 f) { return {__half(f.x), __half(f.y)}; }
static inline __half2 __half2half2(__half h) { return {h, h}; }

struct __nv_bfloat16 {
    uint16_t bits;
    __nv_bfloat16() = default;
    __nv_bfloat16(float f) {
        uint32_t u;
        memcpy(&u, &f, 4);
        bits = f != f ? 0x7fff : (u + 0x7fff + (u >> 16 & 1)) >> 16;
    }
    operator float() const {
        uint32_t u = (uint32_t)bits << 16;
        float f;
        memcpy(&f, &u, 4);
        return f;
    }
};
static inline float __bfloat162float(__nv_bfloat16 b) { return b; }
static inline __nv_bfloat16 __float2bfloat16(float f) { return __nv_bfloat16(f); }
static inline __nv_bfloat16 __float2bfloat16_rn(float f) { return __nv_bfloat16(f); }
