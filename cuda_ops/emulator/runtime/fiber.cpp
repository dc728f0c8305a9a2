// Two ideas make this cheap. A switch saves only what a function call must keep. And fibers are made on demand: the
// CUDA threads of a block run one after another on one stack; only when a thread waits is that stack set aside.
#include "worker.h"
#include <cstdlib>

#if defined(__x86_64__)
asm(R"(
.text
.globl emu_swap_stacks
.hidden emu_swap_stacks
.type emu_swap_stacks,@function
emu_swap_stacks:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
)");
#endif
