// Included before every .cu file: the device language for g++.
#pragma once
#include "language.h"
#include "vectors.h"
#include "intrinsics.h"
#include "half.h"
#include "sync.h"
#include "atomics.h"
#include "kernel_table.h"
