// float4, int2, uchar3, ... with CUDA's alignment, and make_*.
#pragma once
#include "language.h"

#define EMU_VECTOR(T, V, size)                                          \
    struct __align__(2 * size) V##2 { T x, y; };                        \
    struct V##3 { T x, y, z; };                                         \
    struct __align__(4 * size) V##4 { T x, y, z, w; };                  \
    static inline V##2 make_##V##2(T x, T y) { return {x, y}; }         \
    static inline V##3 make_##V##3(T x, T y, T z) { return {x, y, z}; } \
    static inline V##4 make_##V##4(T x, T y, T z, T w) { return {x, y, z, w}; }

EMU_VECTOR(float, float, 4)
EMU_VECTOR(int, int, 4)
EMU_VECTOR(unsigned, uint, 4)
EMU_VECTOR(short, short, 2)
EMU_VECTOR(unsigned short, ushort, 2)
EMU_VECTOR(signed char, char, 1)
EMU_VECTOR(unsigned char, uchar, 1)
