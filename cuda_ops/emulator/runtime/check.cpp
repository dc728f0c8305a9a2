// Found here: out of bounds, misaligned, uninitialised reads, and races -- two threads at one location, one of them
// writing, with no barrier between them. It does not matter which came first in this run: thread order cannot hide a
// race.
//
// Check builds are compiled with -fsanitize=thread,bounds,alignment but linked with neither libtsan nor libubsan: the
// hooks those passes call are defined at the end of this file, so plain Python needs no LD_PRELOAD.
#include "check.h"
#include "memory.h"
#include <cstdarg>
#include <cstdio>
#include <dlfcn.h>
#include <map>
#include <sys/mman.h>
#include <utility>

struct Finding {
    int times = 0;
    std::string first;
};
static std::map<std::pair<const void*, const char*>, Finding> findings; // by place and kind
static Shadow *dynamic_shadow, *static_shadow;
static std::vector<bool> fenced; // blocks that called __threadfence

std::string code_place(const void* pc) {
    Dl_info d;
    if (!dladdr(pc, &d)) return "?";
    char text[600];
    snprintf(text, sizeof text, "@%s+0x%lx@", d.dli_fname, (unsigned long)((char*)pc - (char*)d.dli_fbase - 1));
    return text;
}

// An event, in 64 bits: block + 1 (24) | thread (10) | barriers so far (14) | warp syncs so far (15) | read by several
// (1)
static uint64_t event(const Worker& w) {
    unsigned thread = w.current->linear;
    return (uint64_t)w.block << 40 | (uint64_t)thread << 30 | (uint64_t)(w.epoch & 0x3fff) << 16 |
           (w.warps[thread / 32].epoch & 0x7fff) << 1;
}
static unsigned long block_of(uint64_t e) { return (e >> 40) - 1; }
static unsigned thread_of(uint64_t e) { return e >> 30 & 1023; }
static bool same_thread(uint64_t a, uint64_t b) { return (a ^ b) >> 30 == 0; }
static bool same_block(uint64_t a, uint64_t b) { return (a ^ b) >> 40 == 0; }
static bool same_barrier_epoch(uint64_t a, uint64_t b) { return ((a ^ b) >> 16 & 0x3fff) == 0; }
static bool same_warp_epoch(uint64_t a, uint64_t b) { return ((a ^ b) >> 1 & 0x7fff) == 0; }
static bool same_warp(uint64_t a, uint64_t b) { return thread_of(a) / 32 == thread_of(b) / 32; }
constexpr uint64_t READ_BY_SEVERAL = 1, ATOMIC_EPOCH = 0x3fffull << 16; // no barrier count reaches the last epoch

// Whether nothing orders the earlier event before the later one.
static bool unordered(uint64_t earlier, uint64_t later, bool shared) {
    if (!earlier || same_thread(earlier, later)) return false;
    if (!same_block(earlier, later)) {
        if (shared) return false; // shared memory of another block
        unsigned long block = block_of(earlier);
        return !(this_worker->trusts_fences && block < fenced.size() && fenced[block]);
    }
    if (!same_barrier_epoch(earlier, later)) return false;
    return !same_warp(earlier, later) || same_warp_epoch(earlier, later);
}

static void note(const char* kind, const void* pc, const void* address, uint64_t other, bool shared) {
    Finding& f = findings[{pc, kind}];
    if (f.times++ || findings.size() > 20) return;
    const EmuSelf& s = emu_self;
    char who[200], them[120] = "";
    snprintf(who, sizeof who, ", block (%u,%u,%u) thread (%u,%u,%u)", s.block.x, s.block.y, s.block.z, s.thread.x,
             s.thread.y, s.thread.z);
    if (other) {
        unsigned t = thread_of(other), x = s.block_dim.x, y = s.block_dim.y;
        snprintf(them, sizeof them, "; the other: block %lu thread (%u,%u,%u)", block_of(other), t % x, t / x % y,
                 t / x / y);
    }
    f.first = std::string(this_worker->kernel->name) + ": " + kind + ", " + (shared ? "shared" : "global") + " memory" +
              (shared ? "" : describe_address(address)) + ", at " + code_place(pc) + who + them;
}

struct Target {
    Shadow* shadow = nullptr;
    uint8_t* initialised = nullptr;
    bool shared = true;
};

// Which memory an access goes to; false where there is nothing to check. Fails where it goes nowhere.
static bool resolve(Worker& w, char* p, unsigned bytes, int access, const void* pc, Target& target) {
    const char* verb = access == EMU_READ ? "read" : "write";
    if (w.statics.holds(p)) return target.shadow = static_shadow + (p - w.statics.begin), true;
    if (p >= w.dynamic_end - SHARED_BYTES && p < w.dynamic_end + PAGE) {
        long at = p - emu_self.dynamic_shared;
        if (at < 0 || at + bytes > w.dynamic_bytes)
            fail("out of bounds: %s at byte %ld of %u bytes of dynamic shared memory, at %s", verb, at, w.dynamic_bytes,
                 code_place(pc).c_str());
        return target.shadow = dynamic_shadow + at, true;
    }
    if (Allocation* a = find_allocation(p)) {
        if (p < a->data || p + bytes > a->data + a->bytes)
            fail("out of bounds: %s of %u bytes%s, at %s", verb, bytes, describe_address(p).c_str(),
                 code_place(pc).c_str());
        if (a->shadow) target = {a->shadow + (p - a->data), a->initialised + (p - a->data), false};
        return a->shadow;
    }
    bool own = (p >= (char*)&emu_self && p < (char*)(&emu_self + 1)) || module_image.holds(p) ||
               (p >= w.fiber->stack && p < w.fiber->stack + STACK_BYTES + PAGE);
    if (!own)
        fail("out of bounds: %s of %u bytes at %p, which is no device memory, at %s", verb, bytes, (void*)p,
             code_place(pc).c_str());
    return false;
}

// Checks and records an access to one byte; returns whether something was noticed. `told`: an earlier byte of it was.
static bool check_byte(const Worker& w, Target& t, uint64_t now, int access, const void* pc, const void* address,
                       bool told) {
    Shadow& s = *t.shadow;
    bool noticed = false;
    auto tell = [&](const char* kind, uint64_t other) {
        if (!told) note(kind, pc, address, other, t.shared);
        noticed = true;
    };
    bool known = t.shared ? s.write >> 40 == w.block : *t.initialised;
    if (access != EMU_WRITE && !known) tell("uninitialised read", 0);
    if (unordered(s.write, now, t.shared))
        tell(access == EMU_READ ? "race (read after write)" : "race (write after write)", s.write);
    if (access == EMU_READ) {
        bool several = unordered(s.read, now, t.shared) || (s.read & READ_BY_SEVERAL && (s.read ^ now) >> 16 == 0);
        s.read = now | (several ? READ_BY_SEVERAL : 0);
        return noticed;
    }
    uint64_t someone_else = s.read ^ (1ull << 30); // the last reader may be this thread, with another before it
    if (unordered(s.read, now, t.shared) || (s.read & READ_BY_SEVERAL && unordered(someone_else, now, t.shared)))
        tell("race (write after read)", s.read);
    if (access == EMU_WRITE)
        s.write = now;
    else if (t.shared)
        s.write = (uint64_t)w.block << 40 | ATOMIC_EPOCH | (uint64_t)w.current->linear << 30;
    if (t.initialised) *t.initialised = 1;
    return noticed;
}

API void emu_access(const void* address, unsigned bytes, int access, const void* pc) {
    Worker* w = this_worker;
    if (!w || !w->current) return;
    if (timed_out) fail_timeout("at " + code_place(pc));
    char* p = (char*)address;
    Target t;
    if (!resolve(*w, p, bytes, access, pc, t)) return;
    bool power_of_two = (bytes & (bytes - 1)) == 0;
    if (bytes <= 16 && power_of_two && (uintptr_t)p % bytes)
        fail("misaligned %u-byte access%s at %s", bytes, t.shared ? "" : describe_address(p).c_str(),
             code_place(pc).c_str());
    uint64_t now = event(*w);
    bool told = false;
    for (unsigned i = 0; i < bytes; i++, t.shadow++, t.initialised += t.initialised != nullptr)
        told |= check_byte(*w, t, now, access, pc, p, told);
}

API void emu_fence() {
    unsigned long block = this_worker->block - 1;
    if (fenced.size() <= block) fenced.resize(block + 1);
    fenced[block] = true;
}

API void emu_trust_fences() { this_worker->trusts_fences = true; }

void begin_check(const EmuKernel* kernel) {
    findings.clear();
    fenced.clear();
    if (!kernel->checked) return;
    if (!dynamic_shadow) {
        dynamic_shadow = (Shadow*)map_zeroed(SHARED_BYTES * sizeof(Shadow));
        static_shadow = (Shadow*)map_zeroed(SHARED_BYTES * sizeof(Shadow));
    }
    madvise(dynamic_shadow, SHARED_BYTES * sizeof(Shadow), MADV_DONTNEED);
    madvise(static_shadow, SHARED_BYTES * sizeof(Shadow), MADV_DONTNEED);
    forget_accesses();
}

std::string end_check() {
    std::string text;
    for (auto& [place, f] : findings) {
        if (f.first.empty()) continue;
        text += (text.empty() ? "" : "\n") + f.first + " (" + std::to_string(f.times) + " times)";
    }
    findings.clear();
    return text;
}

// ---- the hooks that -fsanitize=thread,bounds,alignment call
#define PC __builtin_return_address(0)
#define HOOKS(n)                                                                   \
    API void __tsan_read##n(void* p) { emu_access(p, n, EMU_READ, PC); }           \
    API void __tsan_write##n(void* p) { emu_access(p, n, EMU_WRITE, PC); }         \
    API void __tsan_unaligned_read##n(void* p) { emu_access(p, n, EMU_READ, PC); } \
    API void __tsan_unaligned_write##n(void* p) { emu_access(p, n, EMU_WRITE, PC); }
HOOKS(1)
HOOKS(2)
HOOKS(4)
HOOKS(8)
HOOKS(16)
API void __tsan_read_range(void* p, size_t n) { emu_access(p, n, EMU_READ, PC); }
API void __tsan_write_range(void* p, size_t n) { emu_access(p, n, EMU_WRITE, PC); }
API void __tsan_init() {}
API void __tsan_func_entry(void*) {}
API void __tsan_func_exit() {}

struct SourceLocation {
    const char* file;
    unsigned line, column;
};

API void __ubsan_handle_out_of_bounds(SourceLocation* at, long index) {
    fail("out of bounds: array index %ld at %s:%u", index, at->file, at->line);
}
API void __ubsan_handle_type_mismatch_v1(SourceLocation* at, void* p) {
    fail("misaligned address %p%s at %s:%u", p, describe_address(p).c_str(), at->file, at->line);
}
