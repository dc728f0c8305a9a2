// A stack of its own for code that can be set aside and taken up again.
#pragma once
#include <cstddef>

#if defined(__x86_64__)

struct StackPointer {
    void* sp;
};
extern "C" void emu_swap_stacks(void** save, void* to); // in fiber.cpp

static inline void switch_stack(StackPointer& from, StackPointer& to) { emu_swap_stacks(&from.sp, to.sp); }

static inline void prepare_stack(StackPointer& s, char* low, size_t bytes, void (*entry)()) {
    void** top = (void**)(low + bytes) - 2;
    *top = (void*)entry; // what emu_swap_stacks returns to, after popping six registers
    s.sp = top - 6;
}

#else // any other CPU: slower, but standard
#include <ucontext.h>

struct StackPointer {
    ucontext_t context;
};

static inline void switch_stack(StackPointer& from, StackPointer& to) { swapcontext(&from.context, &to.context); }

static inline void prepare_stack(StackPointer& s, char* low, size_t bytes, void (*entry)()) {
    getcontext(&s.context);
    s.context.uc_stack.ss_sp = low;
    s.context.uc_stack.ss_size = bytes;
    makecontext(&s.context, entry, 0);
}

#endif
