// What the stand-in driver keeps between calls, and the emulator's functions that it calls.
#pragma once
#include "abi.h" // of the emulator: how a kernel describes itself
#include <cuda.h>
#include <string>

#define API extern "C" __attribute__((visibility("default"))) CUresult

extern "C" {
void* emu_malloc(size_t bytes);
int emu_free(void* p);
int emu_host_access(void* p, size_t bytes, int write);
void emu_copied(void* to, void* from, size_t bytes);
int emu_launch(const EmuKernel* kernel, const char* args, const unsigned* grid, const unsigned* block,
               unsigned dynamic_bytes, char* error, size_t error_bytes);
}

// As on a GPU, a kernel's fault is told by the calls that follow the launch, by all of them, until the context is gone.
extern CUresult fault;
extern std::string fault_text;

bool context_is_current();

inline CUresult ready() { return !context_is_current() ? CUDA_ERROR_INVALID_CONTEXT : fault; }

#define NEED_CONTEXT \
    if (CUresult state = ready()) return state
