// Device memory that notices misuse: each allocation ends at a page that faults, and starts filled with NaN.
#pragma once
#include "worker.h"

// What the checker remembers of one byte: the last write and the last read (see event() in check.cpp).
struct Shadow {
    uint64_t write, read;
};

struct Allocation {
    char* data;
    size_t bytes;
    char* map; // with the guard pages
    size_t map_bytes;
    Shadow* shadow;       // check mode only
    uint8_t* initialised; // check mode only
};

Allocation* find_allocation(const void* p); // also where p lies in a guard page beside it
std::string describe_address(const void* p);
void forget_accesses(); // a new launch: what came before it is ordered
char* map_zeroed(size_t bytes);

Range shared_variables(const EmuKernel* kernel); // of this OS thread
Range image_of(const void* address);             // the loaded library that holds it
