// atomicAdd and its kin, for the types CUDA has them for. Check mode reports each to the checker as an atomic access.
#pragma once
#include "abi.h"

#ifdef EMU_CHECK
#define EMU_NOTE_ATOMIC(p) emu_access(p, sizeof *(p), EMU_ATOMIC, __builtin_return_address(0))
#else
#define EMU_NOTE_ATOMIC(p) ((void)0)
#endif

#define EMU_ATOMIC_FN static __attribute__((no_sanitize("thread"), noinline, unused))

#define EMU_RMW(name, T, new_value)                                                                \
    EMU_ATOMIC_FN T name(T* p, T v) {                                                              \
        EMU_NOTE_ATOMIC(p);                                                                        \
        T old, next;                                                                               \
        __atomic_load(p, &old, __ATOMIC_RELAXED);                                                  \
        do next = new_value;                                                                       \
        while (!__atomic_compare_exchange(p, &old, &next, 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED)); \
        return old;                                                                                \
    }

#define EMU_INTEGER_ATOMICS(T)                                                              \
    EMU_RMW(atomicAdd, T, old + v)                                                          \
    EMU_RMW(atomicSub, T, old - v)                                                          \
    EMU_RMW(atomicMax, T, (old > v ? old : v))                                              \
    EMU_RMW(atomicMin, T, (old < v ? old : v))                                              \
    EMU_RMW(atomicAnd, T, old& v)                                                           \
    EMU_RMW(atomicOr, T, old | v)                                                           \
    EMU_RMW(atomicXor, T, old ^ v)                                                          \
    EMU_RMW(atomicExch, T, v)                                                               \
    EMU_ATOMIC_FN T atomicCAS(T* p, T expected, T v) {                                      \
        EMU_NOTE_ATOMIC(p);                                                                 \
        __atomic_compare_exchange(p, &expected, &v, 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED); \
        return expected;                                                                    \
    }

EMU_INTEGER_ATOMICS(int)
EMU_INTEGER_ATOMICS(unsigned)
EMU_INTEGER_ATOMICS(unsigned long long)
EMU_RMW(atomicAdd, float, old + v)
EMU_RMW(atomicExch, float, v)
EMU_RMW(atomicAdd, double, old + v)
