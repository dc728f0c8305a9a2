// EMU_KERNEL(k) describes kernel k to the runtime: how its arguments lie in the launch buffer, and how to call it.
#pragma once
#include "abi.h"
#include <type_traits>
#include <utility>

namespace emu {

template <class T> constexpr char arg_code() {
    if (std::is_pointer<T>::value) return 'P';
    if (std::is_same<T, float>::value) return 'f';
    if (std::is_same<T, double>::value) return 'd';
    if (std::is_same<T, bool>::value) return '?';
    if (std::is_integral<T>::value) return sizeof(T) == 1 ? 'b' : sizeof(T) == 2 ? 'h' : sizeof(T) == 4 ? 'i' : 'q';
    return 'x';
}

template <auto Function> struct Launch;

template <class... Args, void (*Function)(Args...)> struct Launch<Function> {
    struct Layout {
        unsigned offset[sizeof...(Args) + 1];
        char code[sizeof...(Args) + 1];
        unsigned bytes;
    };

    static constexpr Layout make_layout() {
        Layout l{};
        unsigned at = 0, i = 0;
        ((at = (at + alignof(Args) - 1) / alignof(Args) * alignof(Args), l.offset[i] = at, l.code[i] = arg_code<Args>(),
          at += sizeof(Args), ++i),
         ...);
        l.bytes = at;
        return l;
    }
    static constexpr Layout layout = make_layout();

    template <size_t... I>
    __attribute__((no_sanitize("thread"))) static void loop(const char* args, std::index_sequence<I...>) {
        while (emu_next_thread()) Function(*(const Args*)(args + layout.offset[I])...);
    }
    static void run_threads(const char* args) { loop(args, std::index_sequence_for<Args...>()); }
};

static thread_local char anchor[16];
static inline char* shared_anchor() {
    anchor[0] = 0;
    asm volatile("" ::: "memory"); // keep the variable, and so the TLS segment, in every module
    return anchor;
}

} // namespace emu

#ifdef EMU_CHECK
#define EMU_CHECKED 1
#else
#define EMU_CHECKED 0
#endif

#define EMU_KERNEL(k)                                                                 \
    extern "C" __attribute__((visibility("default"))) const EmuKernel emu_kernel_##k; \
    const EmuKernel emu_kernel_##k = {#k,                                             \
                                      emu::Launch<&k>::run_threads,                   \
                                      emu::shared_anchor,                             \
                                      sizeof(emu::Launch<&k>::layout.code) - 1,       \
                                      emu::Launch<&k>::layout.bytes,                  \
                                      emu::Launch<&k>::layout.offset,                 \
                                      emu::Launch<&k>::layout.code,                   \
                                      EMU_CHECKED};
