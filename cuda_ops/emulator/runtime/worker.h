// The state of one OS thread that runs blocks, and of the CUDA threads and warps of its current block.
#pragma once
#include "../include/abi.h"
#include "fiber.h"
#include <atomic>
#include <string>
#include <vector>

#define API extern "C" __attribute__((visibility("default")))

constexpr size_t STACK_BYTES = 64 << 10, PAGE = 4096, SHARED_BYTES = 256 << 10;

enum Order { FORWARD, BACKWARD, SHUFFLED };

struct EmuOptions {
    int workers; // 0: one per core
    int order, seed;
    int check; // device memory allocated from now on carries the checker's shadow
    int time_limit_ms;
};
API EmuOptions emu_options;

struct Fiber {
    StackPointer sp;
    char* stack; // its lowest page faults
};

enum class State : char { RUNNING, AT_BARRIER, IN_WARP_OP, IN_ACTIVEMASK };

struct CudaThread {
    EmuIndex index;
    unsigned linear;
    State state;
    int line;     // where it waits
    Fiber* fiber; // what holds its stack while it waits
    // the warp operation it takes part in
    unsigned mask;
    int op, source_lane;
    uint64_t given, result;
};

struct Warp {
    unsigned exist, gone; // lanes
    unsigned arrived[32]; // lanes waiting in a warp operation, by the lowest lane of its mask
    unsigned epoch;       // warp-wide synchronisations so far
};

struct Range {
    char *begin = nullptr, *end = nullptr;
    bool holds(const void* p) const { return begin <= p && p < end; }
};

struct Worker {
    const EmuKernel* kernel;
    const char* args;

    // the block
    unsigned long block; // linear index + 1
    std::vector<CudaThread> threads;
    std::vector<Warp> warps;
    std::vector<unsigned> start; // the order in which threads start
    unsigned started, alive;
    unsigned epoch; // barriers so far
    bool trusts_fences;

    // who can go on, and who waits at the barrier
    std::vector<unsigned> ready, at_barrier;
    unsigned ready_head = 0;
    int votes, vote_result;
    unsigned random;

    // stacks
    CudaThread* current = nullptr;
    Fiber* fiber = nullptr;
    StackPointer home;
    std::vector<Fiber*> fibers, idle;
    unsigned fibers_used;

    // memory
    Range statics;               // the module's __shared__ variables on this OS thread
    char* dynamic_end = nullptr; // dynamic shared memory ends here, before a page that faults
    unsigned dynamic_bytes;
    char signal_stack[32 << 10];

    bool failed;
    std::string error;
};

extern __thread Worker* this_worker __attribute__((tls_model("initial-exec")));
extern std::atomic<bool> stop_all, timed_out;
extern Range module_image; // the loaded library of the kernel that runs

unsigned draw(Worker& w, unsigned below); // a pseudo-random number in [0, below)
Fiber* fresh_fiber(Worker& w);            // a stack on which the kernel's loop starts, or goes on
void run_blocks(Worker& w, const EmuKernel* kernel, const char* args, const unsigned* grid, const unsigned* block,
                unsigned dynamic_bytes, std::atomic<unsigned long>* ticket);

// Ends the launch with a message. Leaves the running stack for good.
[[noreturn]] __attribute__((format(printf, 1, 2))) void fail(const char* format, ...);
[[noreturn]] void fail_timeout(const std::string& where);
