// emu_launch: a grid of blocks over the worker threads, with signals turned into messages and a time limit.
#include "check.h"
#include "memory.h"
#include "worker.h"
#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <mutex>
#include <pthread.h>
#include <thread>
#include <ucontext.h>

EmuOptions emu_options = {0, FORWARD, 1, 0, 120000};
Range module_image;

static char* interrupted_at(void* context) {
#if defined(__x86_64__)
    return (char*)((ucontext_t*)context)->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__)
    return (char*)((ucontext_t*)context)->uc_mcontext.pc;
#else
    return nullptr;
#endif
}

static void on_fault(int signal_number, siginfo_t* info, void* context) {
    Worker* w = this_worker;
    if (!w || !w->current) {
        signal(signal_number, SIG_DFL);
        return;
    }
    std::string at = " at " + code_place(interrupted_at(context) + 1);
    size_t depth = (char*)info->si_addr - w->fiber->stack;
    if (signal_number == SIGFPE) fail("integer division by zero%s", at.c_str());
    if (depth < PAGE) fail("stack overflow: more than %zu KiB of local variables%s", STACK_BYTES >> 10, at.c_str());
    fail("illegal address %p%s%s", info->si_addr, describe_address(info->si_addr).c_str(), at.c_str());
}

// SIGURG, because ignoring it is the default: one that arrives late does no harm. Only the kernel's own code may be
// left on the spot (it holds no lock); the runtime looks at timed_out itself.
static void on_time_up(int, siginfo_t*, void* context) {
    Worker* w = this_worker;
    char* at = interrupted_at(context);
    if (w && w->current && module_image.holds(at)) fail_timeout("at " + code_place(at + 1));
}

struct Signals {
    static constexpr int numbers[] = {SIGSEGV, SIGBUS, SIGFPE, SIGURG};
    struct sigaction before[4];

    Signals() {
        for (int i = 0; i < 4; i++) {
            struct sigaction action = {};
            action.sa_sigaction = numbers[i] == SIGURG ? on_time_up : on_fault;
            action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER | SA_RESTART;
            sigaction(numbers[i], &action, &before[i]);
        }
    }
    ~Signals() {
        for (int i = 0; i < 4; i++) sigaction(numbers[i], &before[i], nullptr);
    }
};

// Interrupts the workers, again and again, once the time is up.
class Watchdog {
    std::mutex mutex;
    std::condition_variable changed;
    std::vector<pthread_t> workers;
    bool done = false;
    std::thread thread{[this] { watch(); }};

    void watch() {
        std::unique_lock<std::mutex> lock(mutex);
        if (changed.wait_for(lock, std::chrono::milliseconds(emu_options.time_limit_ms), [this] { return done; }))
            return;
        timed_out = true;
        while (!changed.wait_for(lock, std::chrono::milliseconds(5), [this] { return done; }))
            for (pthread_t w : workers) pthread_kill(w, SIGURG);
    }

public:
    ~Watchdog() {
        {
            std::lock_guard<std::mutex> lock(mutex);
            done = true;
        }
        changed.notify_all();
        thread.join();
    }
    void add(pthread_t worker) {
        std::lock_guard<std::mutex> lock(mutex);
        workers.push_back(worker);
    }
    void remove(pthread_t worker) {
        std::lock_guard<std::mutex> lock(mutex);
        workers.erase(std::find(workers.begin(), workers.end(), worker));
    }
};

// A stack for signal handlers: the kernel's own may be what overflowed.
struct SignalStack {
    stack_t before;
    explicit SignalStack(Worker& w) {
        stack_t mine = {};
        mine.ss_sp = w.signal_stack;
        mine.ss_size = sizeof w.signal_stack;
        sigaltstack(&mine, &before);
    }
    ~SignalStack() { sigaltstack(&before, nullptr); }
};

static unsigned worker_count(const EmuKernel* kernel, unsigned long blocks, unsigned long threads) {
    constexpr unsigned long WORTH_SHARING = 2048; // CUDA threads; below it an OS thread costs more than it brings
    if (kernel->checked || threads < WORTH_SHARING) return 1;
    unsigned n = emu_options.workers > 0 ? emu_options.workers : std::thread::hardware_concurrency();
    return std::max(1ul, std::min<unsigned long>(n, blocks));
}

// Runs a kernel. 0, or 1 with what went wrong in `error`: one line each, places as @library+0xoffset@.
API int emu_launch(const EmuKernel* kernel, const char* args, const unsigned* grid, const unsigned* block,
                   unsigned dynamic_bytes, char* error, size_t error_bytes) {
    static std::mutex one_at_a_time;
    static std::vector<Worker*> pool;
    std::lock_guard<std::mutex> lock(one_at_a_time);
    unsigned long blocks = (unsigned long)grid[0] * grid[1] * grid[2];
    unsigned n = worker_count(kernel, blocks, blocks * block[0] * block[1] * block[2]);
    while (pool.size() < n) pool.push_back(new Worker());
    stop_all = timed_out = false;
    module_image = image_of(kernel);
    begin_check(kernel);
    std::atomic<unsigned long> ticket{0};
    {
        Signals signals;
        Watchdog watchdog;
        auto work = [&](Worker* w) {
            SignalStack stack(*w);
            watchdog.add(pthread_self());
            run_blocks(*w, kernel, args, grid, block, dynamic_bytes, &ticket);
            watchdog.remove(pthread_self());
        };
        std::vector<std::thread> threads;
        for (unsigned i = 1; i < n; i++) threads.emplace_back(work, pool[i]);
        work(pool[0]);
        for (auto& t : threads) t.join();
    }
    std::string text;
    for (unsigned i = 0; i < n && text.empty(); i++)
        if (pool[i]->failed) text = pool[i]->error;
    std::string noticed = end_check();
    if (!text.empty() && !noticed.empty()) text += "\n";
    snprintf(error, error_bytes, "%s", (text + noticed).c_str());
    return error[0] != 0;
}
