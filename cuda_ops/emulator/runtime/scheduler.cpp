// Runs the CUDA threads of a block on one OS thread. emu_next_thread() hands the kernel's loop one thread after
// another; a thread that must wait is suspended with its whole stack, and the loop goes on on another stack.
#include "memory.h"
#include "worker.h"
#include <cstdarg>
#include <cstdio>
#include <sys/mman.h>

__attribute__((visibility("default"))) __thread EmuSelf emu_self;
__thread Worker* this_worker;
std::atomic<bool> stop_all, timed_out;

unsigned draw(Worker& w, unsigned below) { return ((w.random = w.random * 1664525u + 1013904223u) >> 8) % below; }

static bool anyone_ready(const Worker& w) { return w.ready_head < w.ready.size(); }

static CudaThread* take_ready(Worker& w) {
    unsigned left = w.ready.size() - w.ready_head, i = 0;
    if (emu_options.order == BACKWARD) i = left - 1;
    if (emu_options.order == SHUFFLED) i = draw(w, left);
    std::swap(w.ready[w.ready_head], w.ready[w.ready_head + i]);
    CudaThread* t = &w.threads[w.ready[w.ready_head++]];
    if (!anyone_ready(w)) w.ready.clear(), w.ready_head = 0;
    return t;
}

void fail(const char* format, ...) {
    Worker& w = *this_worker;
    const EmuSelf& s = emu_self;
    char what[700], whole[1000];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    snprintf(whole, sizeof whole, "%s: %s, block (%u,%u,%u) thread (%u,%u,%u)", w.kernel->name, what, s.block.x,
             s.block.y, s.block.z, s.thread.x, s.thread.y, s.thread.z);
    w.error = whole;
    w.failed = true;
    StackPointer abandoned;
    switch_stack(abandoned, w.home);
    __builtin_unreachable();
}

void fail_timeout(const std::string& where) {
    fail("time limit of %g s exceeded, %s", emu_options.time_limit_ms / 1e3, where.c_str());
}

static void look_at_the_clock(int line) {
    if (timed_out) fail_timeout("in line " + std::to_string(line));
}

static void wake(Worker& w, CudaThread& t) {
    if (&t != w.current) w.ready.push_back(t.linear);
}

// Threads in __activemask() are let go only when nobody else can run; so they are as converged as they can be.
static bool settle_activemask(Worker& w) {
    bool some = false;
    for (CudaThread& a : w.threads) {
        if (a.state != State::IN_ACTIVEMASK) continue;
        a.mask = 0;
        for (CudaThread& b : w.threads)
            if (b.state == State::IN_ACTIVEMASK && b.linear / 32 == a.linear / 32 && b.line == a.line)
                a.mask |= 1u << (b.linear & 31);
    }
    for (CudaThread& a : w.threads) {
        if (a.state != State::IN_ACTIVEMASK) continue;
        a.state = State::RUNNING;
        a.result = a.mask;
        w.ready.push_back(a.linear);
        some = true;
    }
    return some;
}

static void nobody_can_run(Worker& w) {
    if (settle_activemask(w)) return;
    for (CudaThread& t : w.threads) {
        if (t.state == State::RUNNING) continue;
        emu_self.thread = t.index;
        fail("deadlock in %s at line %d (mask %08x; %zu threads wait in __syncthreads, %u of %zu have not returned)",
             t.state == State::AT_BARRIER ? "__syncthreads" : "a warp operation", t.line, t.mask, w.at_barrier.size(),
             w.alive, w.threads.size());
    }
}

static void fiber_main() {
    for (;;) {
        this_worker->kernel->run_threads(this_worker->args);
        Worker& w = *this_worker;
        Fiber* mine = w.fiber;
        if (w.alive && !anyone_ready(w)) nobody_can_run(w);
        w.idle.push_back(mine);
        if (!w.alive) {
            switch_stack(mine->sp, w.home);
            continue;
        }
        w.fiber = take_ready(w)->fiber;
        switch_stack(mine->sp, w.fiber->sp);
    }
}

Fiber* fresh_fiber(Worker& w) {
    if (!w.idle.empty()) {
        Fiber* f = w.idle.back();
        w.idle.pop_back();
        return f;
    }
    if (w.fibers_used == w.fibers.size()) {
        char* stack = map_zeroed(STACK_BYTES + PAGE);
        if (!stack || mprotect(stack, PAGE, PROT_NONE)) fail("out of host memory for stacks");
        w.fibers.push_back(new Fiber{StackPointer(), stack});
    }
    Fiber* f = w.fibers[w.fibers_used++];
    size_t shift = (w.fibers_used * 7 & 63) * 64; // else the tops of all stacks would share the same cache sets
    prepare_stack(f->sp, f->stack, STACK_BYTES + PAGE - shift, fiber_main);
    return f;
}

static void suspend(State state, int line) {
    Worker& w = *this_worker;
    CudaThread* me = w.current;
    look_at_the_clock(line);
    me->state = state;
    me->line = line;
    me->fiber = w.fiber;
    if (!anyone_ready(w) && w.started == w.threads.size()) nobody_can_run(w);
    CudaThread* next = anyone_ready(w) ? take_ready(w) : nullptr;
    if (next != me) {
        Fiber* from = w.fiber;
        w.fiber = next ? next->fiber : fresh_fiber(w);
        w.current = nullptr;
        switch_stack(from->sp, w.fiber->sp);
    }
    w.current = me;
    me->state = State::RUNNING;
    emu_self.thread = me->index;
    emu_self.linear = me->linear;
}

static void open_barrier(Worker& w) {
    int line = w.threads[w.at_barrier[0]].line;
    for (unsigned i : w.at_barrier) {
        if (w.threads[i].line != line) fail("__syncthreads is divergent: lines %d and %d", line, w.threads[i].line);
        wake(w, w.threads[i]);
    }
    w.at_barrier.clear();
    w.epoch++;
    w.vote_result = w.votes;
    w.votes = 0;
}

static void refuse_barrier_of_some(const Worker& w, int line) {
    size_t n = w.threads.size();
    if (w.kernel->checked && w.alive < n)
        fail("__syncthreads at line %d, but %zu of %zu threads have returned", line, n - w.alive, n);
}

API int emu_barrier(int predicate, int line) {
    Worker& w = *this_worker;
    w.at_barrier.push_back(w.current->linear);
    w.votes += predicate;
    w.current->line = line;
    if (w.at_barrier.size() < w.alive)
        suspend(State::AT_BARRIER, line);
    else {
        look_at_the_clock(line);
        refuse_barrier_of_some(w, line);
        open_barrier(w);
    }
    return w.vote_result;
}

// The last lane works for all; the others wait with what they gave on their stacks.
static void run_together(Worker& w, CudaThread* lanes, unsigned mask) {
    if (mask != ~0u) fail("line %d: a matrix operation of a part of a warp, mask %08x", w.current->line, mask);
    EmuTogether* given[32];
    for (int i = 0; i < 32; i++) given[i] = (EmuTogether*)lanes[i].given;
    if (given[0]) given[0]->run(given);
    for (int i = 0; i < 32; i++) wake(w, lanes[i]);
}

static void finish_warp_op(Worker& w, Warp& warp, unsigned mask) {
    CudaThread *me = w.current, *lanes = &w.threads[me->linear & ~31u];
    unsigned ballot = 0;
    for (unsigned m = mask; m; m &= m - 1) {
        CudaThread& t = lanes[__builtin_ctz(m)];
        unsigned lane = t.linear & 31;
        if (t.mask != mask || t.op != me->op || t.line != me->line)
            fail("lanes %u and %u meet in different warp operations: lines %d and %d", me->linear & 31, lane, me->line,
                 t.line);
        if (me->op == EMU_BALLOT) ballot |= (unsigned)(t.given & 1) << lane;
        if (me->op == EMU_SHUFFLE && !(mask >> (t.source_lane & 31) & 1) && w.kernel->checked)
            fail("line %d: lane %u shuffles from lane %d, which is not in mask %08x", me->line, lane, t.source_lane,
                 mask);
    }
    if (me->op == EMU_MATRIX) return run_together(w, lanes, mask); // no memory is ordered by it: no epoch
    for (unsigned m = mask; m; m &= m - 1) {
        CudaThread& t = lanes[__builtin_ctz(m)];
        unsigned source = t.source_lane & 31;
        bool given = me->op == EMU_SHUFFLE && mask >> source & 1;
        t.result = me->op == EMU_BALLOT ? ballot : given ? lanes[source].given : ~0ull;
        wake(w, t);
    }
    if ((mask | warp.gone) == warp.exist) warp.epoch++;
}

API void emu_refuse(int line, const char* why) { fail("line %d: %s", line, why); }

API uint64_t emu_warp(unsigned mask, uint64_t value, int source_lane, int op, int line) {
    Worker& w = *this_worker;
    CudaThread* me = w.current;
    Warp& warp = w.warps[me->linear / 32];
    unsigned lane = me->linear & 31;
    mask &= warp.exist;
    if (!(mask >> lane & 1)) fail("line %d: the calling lane is not in mask %08x", line, mask);
    me->given = value;
    me->source_lane = source_lane;
    me->op = op;
    me->mask = mask;
    me->line = line;
    unsigned& arrived = warp.arrived[__builtin_ctz(mask)];
    arrived |= 1u << lane;
    if (arrived != mask)
        suspend(State::IN_WARP_OP, line);
    else {
        look_at_the_clock(line);
        arrived = 0;
        finish_warp_op(w, warp, mask);
    }
    return me->result;
}

API unsigned emu_activemask(int line) {
    suspend(State::IN_ACTIVEMASK, line);
    return this_worker->current->result;
}

// The kernel's loop asks for its next thread; false where another stack has work that should go first, or none is left.
API bool emu_next_thread() {
    Worker& w = *this_worker;
    if (CudaThread* returned = w.current) {
        w.current = nullptr;
        w.alive--;
        w.warps[returned->linear / 32].gone |= 1u << (returned->linear & 31);
        if (!w.at_barrier.empty() && w.at_barrier.size() == w.alive) {
            refuse_barrier_of_some(w, w.threads[w.at_barrier[0]].line);
            open_barrier(w);
        }
    }
    if (anyone_ready(w) || w.started == w.threads.size()) return false;
    CudaThread* t = w.current = &w.threads[w.start[w.started++]];
    emu_self.thread = t->index;
    emu_self.linear = t->linear;
    if (timed_out) fail_timeout("between two threads of the grid");
    return true;
}
