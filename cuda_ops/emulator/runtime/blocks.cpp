// Takes one block after another, each with poisoned shared memory and its threads in the order asked for.
#include "memory.h"
#include "worker.h"
#include <algorithm>
#include <cstring>
#include <sys/mman.h>

static void prepare_threads(Worker& w, const unsigned* block) {
    unsigned n = block[0] * block[1] * block[2];
    w.threads.assign(n, CudaThread());
    w.warps.assign((n + 31) / 32, Warp());
    w.start.resize(n);
    for (unsigned i = 0; i < n; i++) {
        w.threads[i].index = {i % block[0], i / block[0] % block[1], i / block[0] / block[1]};
        w.threads[i].linear = i;
        w.start[i] = emu_options.order == BACKWARD ? n - 1 - i : i;
        w.warps[i / 32].exist |= 1u << (i & 31);
    }
}

static void begin_block(Worker& w, unsigned long index, const unsigned* grid) {
    emu_self.block = {(unsigned)(index % grid[0]), (unsigned)(index / grid[0] % grid[1]),
                      (unsigned)(index / grid[0] / grid[1])};
    memset(w.statics.begin, 0xFF,
           w.statics.end - w.statics.begin); // NaN: what CUDA leaves undefined must not pass for 0
    memset(emu_self.dynamic_shared, 0xFF, w.dynamic_end - emu_self.dynamic_shared);
    if (emu_options.order == SHUFFLED)
        for (unsigned j = w.start.size(); j > 1; j--) std::swap(w.start[j - 1], w.start[draw(w, j)]);
    w.block = index + 1;
    w.alive = w.threads.size();
    w.started = w.epoch = 0;
    w.votes = 0;
    w.trusts_fences = false;
    w.at_barrier.clear();
    for (Warp& warp : w.warps) warp = {warp.exist, 0, {}, 0};
}

static void begin_launch(Worker& w, const EmuKernel* kernel, const char* args, const unsigned* grid,
                         const unsigned* block, unsigned dynamic_bytes) {
    this_worker = &w;
    w.kernel = kernel;
    w.args = args;
    w.failed = false;
    w.dynamic_bytes = dynamic_bytes;
    w.fibers_used = 0;
    w.idle.clear();
    w.ready.clear();
    w.ready_head = 0;
    w.current = nullptr;
    w.random = emu_options.seed;
    if (!w.dynamic_end) {
        w.dynamic_end = map_zeroed(SHARED_BYTES + PAGE) + SHARED_BYTES;
        mprotect(w.dynamic_end, PAGE, PROT_NONE);
    }
    prepare_threads(w, block);
    w.statics = shared_variables(kernel);
    emu_self.block_dim = {block[0], block[1], block[2]};
    emu_self.grid_dim = {grid[0], grid[1], grid[2]};
    emu_self.dynamic_shared = w.dynamic_end - (dynamic_bytes + 15) / 16 * 16;
}

void run_blocks(Worker& w, const EmuKernel* kernel, const char* args, const unsigned* grid, const unsigned* block,
                unsigned dynamic_bytes, std::atomic<unsigned long>* ticket) {
    begin_launch(w, kernel, args, grid, block, dynamic_bytes);
    unsigned long blocks = (unsigned long)grid[0] * grid[1] * grid[2], i;
    while (!stop_all && !w.failed && (i = (*ticket)++) < blocks) {
        begin_block(w, emu_options.order == FORWARD ? i : blocks - 1 - i, grid);
        w.fiber = fresh_fiber(w);
        switch_stack(w.home, w.fiber->sp);
    }
    if (w.failed) stop_all = true;
    this_worker = nullptr;
}
