#include "memory.h"
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <link.h>
#include <map>
#include <mutex>
#include <sys/mman.h>

static std::map<uintptr_t, Allocation> allocations;
static std::mutex mutex; // for the host's calls; kernels only look up

char* map_zeroed(size_t bytes) {
    void* p = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return p == MAP_FAILED ? nullptr : (char*)p;
}

static size_t round_up(size_t n, size_t to) { return (n + to - 1) / to * to; }

Allocation* find_allocation(const void* p) {
    auto next = allocations.upper_bound((uintptr_t)p);
    if (next != allocations.end() && p >= next->second.map) return &next->second;
    if (next == allocations.begin()) return nullptr;
    Allocation* a = &std::prev(next)->second;
    return p < a->map + a->map_bytes ? a : nullptr;
}

std::string describe_address(const void* p) {
    Allocation* a = find_allocation(p);
    if (!a) return " (in no device allocation)";
    char text[100];
    snprintf(text, sizeof text, " (byte %ld of a device allocation of %zu bytes)", (long)((char*)p - a->data),
             a->bytes);
    return text;
}

API void* emu_malloc(size_t bytes) {
    size_t rounded = round_up(std::max<size_t>(bytes, 1), 16), body = round_up(rounded, PAGE), whole = body + 2 * PAGE;
    void* map = mmap(nullptr, whole, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (map == MAP_FAILED) return nullptr;
    Allocation a = {(char*)map + PAGE + body - rounded, bytes, (char*)map, whole, nullptr, nullptr};
    if (mprotect(a.map + PAGE, body, PROT_READ | PROT_WRITE)) {
        munmap(map, whole);
        return nullptr;
    }
    memset(a.data, 0xFF, rounded); // NaN as float, half and double; -1 as an integer
    if (emu_options.check) {
        a.shadow = (Shadow*)map_zeroed(bytes * sizeof(Shadow) + 1);
        a.initialised = (uint8_t*)map_zeroed(bytes + 1);
    }
    std::lock_guard<std::mutex> lock(mutex);
    allocations[(uintptr_t)a.data] = a;
    return a.data;
}

API int emu_free(void* p) {
    std::lock_guard<std::mutex> lock(mutex);
    auto found = allocations.find((uintptr_t)p);
    if (found == allocations.end()) return 1;
    Allocation& a = found->second;
    munmap(a.map, a.map_bytes);
    if (a.shadow) munmap(a.shadow, a.bytes * sizeof(Shadow) + 1);
    if (a.initialised) munmap(a.initialised, a.bytes + 1);
    allocations.erase(found);
    return 0;
}

// For the host's copies: 0 where [p, p + bytes) lies within one allocation. A write makes the bytes initialised.
API int emu_host_access(void* p, size_t bytes, int write) {
    std::lock_guard<std::mutex> lock(mutex);
    Allocation* a = find_allocation(p);
    if (!a || (char*)p < a->data || (char*)p + bytes > a->data + a->bytes) return 1;
    if (write && a->initialised) memset(a->initialised + ((char*)p - a->data), 1, bytes);
    return 0;
}

// After a copy from device to device, a byte is as initialised as the one it was copied from.
API void emu_copied(void* to, void* from, size_t bytes) {
    std::lock_guard<std::mutex> lock(mutex);
    Allocation *t = find_allocation(to), *f = find_allocation(from);
    if (t && f && t->initialised && f->initialised)
        memmove(t->initialised + ((char*)to - t->data), f->initialised + ((char*)from - f->data), bytes);
}

void forget_accesses() {
    for (auto& [start, a] : allocations)
        if (a.shadow) madvise(a.shadow, a.bytes * sizeof(Shadow), MADV_DONTNEED);
}

struct ImageSearch {
    const char* address;
    Range found;
};

Range image_of(const void* address) {
    ImageSearch search = {(const char*)address, {}};
    auto visit = [](dl_phdr_info* info, size_t, void* data) {
        auto* s = (ImageSearch*)data;
        char *low = (char*)UINTPTR_MAX, *high = nullptr;
        for (int i = 0; i < info->dlpi_phnum; i++) {
            if (info->dlpi_phdr[i].p_type != PT_LOAD) continue;
            char* begin = (char*)info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
            low = std::min(low, begin);
            high = std::max(high, begin + info->dlpi_phdr[i].p_memsz);
        }
        if (s->address < low || s->address >= high) return 0;
        s->found = {low, high};
        return 1;
    };
    dl_iterate_phdr(visit, &search);
    return search.found;
}

Range shared_variables(const EmuKernel* kernel) {
    ImageSearch search = {kernel->shared_anchor(), {}};
    auto visit = [](dl_phdr_info* info, size_t, void* data) {
        auto* s = (ImageSearch*)data;
        char* block = (char*)info->dlpi_tls_data;
        for (int i = 0; block && i < info->dlpi_phnum; i++) {
            Range r = {block, block + info->dlpi_phdr[i].p_memsz};
            if (info->dlpi_phdr[i].p_type == PT_TLS && r.holds(s->address)) return s->found = r, 1;
        }
        return 0;
    };
    dl_iterate_phdr(visit, &search);
    return search.found;
}
