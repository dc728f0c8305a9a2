// What a kernel module (one compiled .cu) and the runtime library agree on.
#pragma once
#include <cstddef>
#include <cstdint>

struct EmuIndex {
    unsigned x, y, z;
};

// The CUDA thread that runs on this OS thread right now: threadIdx, blockIdx, ... read it.
struct EmuSelf {
    EmuIndex thread, block, block_dim, grid_dim;
    char* dynamic_shared;
    unsigned linear; // thread index within the block
};

// A module exports one of these per kernel, under the name emu_kernel_<name>.
struct EmuKernel {
    const char* name;
    void (*run_threads)(const char* args); // calls the kernel for one thread after another, while emu_next_thread()
    char* (*shared_anchor)();              // an address among this OS thread's __shared__ variables
    unsigned arg_count, arg_bytes;
    const unsigned* arg_offsets;
    const char* arg_codes; // struct-module codes: P pointer, i, q, f, d, ...; x: a struct
    int checked;           // compiled in check mode
};

enum EmuWarpOp { EMU_SHUFFLE, EMU_BALLOT, EMU_SYNCWARP, EMU_MATRIX };

// What a lane gives to EMU_MATRIX, by address: the last lane to come runs it for all 32. It may also give nothing.
struct EmuTogether {
    void (*run)(EmuTogether* const* lanes);
};
enum EmuAccess { EMU_READ, EMU_WRITE, EMU_ATOMIC };

extern "C" {
extern __thread EmuSelf emu_self __attribute__((tls_model("initial-exec")));
bool emu_next_thread();
int emu_barrier(int predicate, int line); // returns how many threads passed a true predicate
uint64_t emu_warp(unsigned mask, uint64_t value, int source_lane, int op, int line);
unsigned emu_activemask(int line);
void emu_fence();                                        // __threadfence, seen by the checker
void emu_trust_fences();                                 // see TRUST_FENCED_BLOCKS in sync.h
[[noreturn]] void emu_refuse(int line, const char* why); // ends the launch
void emu_access(const void* address, unsigned bytes, int access, const void* pc);
}
