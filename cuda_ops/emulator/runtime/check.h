// The checker: what a check build's memory accesses report to.
#pragma once
#include "worker.h"

void begin_check(const EmuKernel* kernel);
std::string end_check();                // what was noticed, one line each
std::string code_place(const void* pc); // "@library+0xoffset@", which the Python side turns into file:line
