// Barriers, votes, shuffles, fences. Each passes its line, so that threads meeting at different places are noticed.
#pragma once
#include "abi.h"
#include <cstring>

#define __syncthreads() ((void)emu_barrier(0, __LINE__))
#define __syncthreads_count(p) emu_barrier(!!(p), __LINE__)
#define __syncthreads_or(p) (emu_barrier(!!(p), __LINE__) != 0)
#define __syncthreads_and(p) (emu_barrier(!(p), __LINE__) == 0)
#define __activemask() emu_activemask(__LINE__)

static inline void emu_syncwarp(int line, unsigned mask = ~0u) { emu_warp(mask, 0, 0, EMU_SYNCWARP, line); }
#define __syncwarp(...) emu_syncwarp(__LINE__, ##__VA_ARGS__)
#define __ballot_sync(mask, p) ((unsigned)emu_warp(mask, !!(p), 0, EMU_BALLOT, __LINE__))
#define __any_sync(mask, p) (emu_warp(mask, !!(p), 0, EMU_BALLOT, __LINE__) != 0)
#define __all_sync(mask, p) (emu_warp(mask, !(p), 0, EMU_BALLOT, __LINE__) == 0)

enum EmuShuffle { EMU_INDEX, EMU_UP, EMU_DOWN, EMU_XOR };

template <class T>
static inline T emu_shuffle(int line, EmuShuffle how, unsigned mask, T value, int d, int width = 32) {
    static_assert(sizeof(T) <= 8, "shuffle of more than 8 bytes");
    int lane = emu_self.linear & 31, first = lane & ~(width - 1), last = lane | (width - 1);
    int source = how == EMU_INDEX  ? first | (d & (width - 1))
                 : how == EMU_UP   ? lane - d
                 : how == EMU_DOWN ? lane + d
                                   : lane ^ d;
    if (how == EMU_UP ? source < first : source > last) source = lane;
    uint64_t bits = 0;
    memcpy(&bits, &value, sizeof value);
    bits = emu_warp(mask, bits, source, EMU_SHUFFLE, line);
    memcpy(&value, &bits, sizeof value);
    return value;
}
#define __shfl_sync(...) emu_shuffle(__LINE__, EMU_INDEX, __VA_ARGS__)
#define __shfl_up_sync(...) emu_shuffle(__LINE__, EMU_UP, __VA_ARGS__)
#define __shfl_down_sync(...) emu_shuffle(__LINE__, EMU_DOWN, __VA_ARGS__)
#define __shfl_xor_sync(...) emu_shuffle(__LINE__, EMU_XOR, __VA_ARGS__)

#ifdef EMU_CHECK
#define __threadfence() emu_fence()
// The opt-out for the last-block pattern (write, __threadfence, atomic ticket; the block that draws the last ticket
// reads what the others wrote). Placed in that block before it reads, it says: blocks that fenced are ordered before
// me.
#define TRUST_FENCED_BLOCKS() emu_trust_fences()
#else
#define __threadfence() __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define TRUST_FENCED_BLOCKS() ((void)0)
#endif
#define __threadfence_block() ((void)0)
